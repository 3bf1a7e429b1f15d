#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Second moments, factorizations and GPTQ at the sizes of SmolLM2-135M, on one thread.

usage: benchmarks/solver_speed.py

CPU seconds of one layer (q,k,v; o; gate,up; down; 4096 calibration tokens) and of all 30. The claim: moments and GPTQ of the whole model take less than
60 s of CPU; exit code 3 when they do not.
"""
import argparse
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "test" / "Python" / "support"))
import site_probe as probe  # noqa: E402

LAYERS, TOKENS, CLAIM = 30, 4096, 60
# Site: channels, rows of all its weights.
SITES = {"q,k,v": (576, 960), "o": (576, 576), "gate,up": (576, 3072), "down": (1536, 576)}


def cpu_seconds(action):
    start = time.process_time()
    result = action()
    return time.process_time() - start, result


def main() -> int:
    argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0]).parse_args()
    random = np.random.default_rng(0)
    totals = {}
    print(f"{'site':10}{'moment':>10}{'factor':>10}{'GPTQ':>10}{'mean, target, range, GPTQ, refit at W4A4':>44}   CPU s")
    for name, (channels, rows) in SITES.items():
        x = random.standard_normal((TOKENS, channels), np.float32) + 0.5
        weight = random.standard_normal((rows, channels), np.float32)
        moment, hessian = cpu_seconds(lambda x=x: probe.gram(x))
        factor, _ = cpu_seconds(lambda h=hessian: probe.upper_factor_of_inverse(h))
        form, nothing = probe.integer(4), probe.floats()
        gptq, _ = cpu_seconds(lambda x=x, w=weight: probe.site("round", x, w, form, nothing))
        output, _ = cpu_seconds(lambda x=x, w=weight: probe.site("", x, w, form, nothing))
        steps = "mean,clip{ratio=0.9},target{kind=local},range{method=mse},round,refit"
        whole, _ = cpu_seconds(lambda x=x, w=weight: probe.site(steps, x, w, form, form))
        times = {"moment": moment, "factor": factor, "GPTQ": gptq - output, "whole": whole - output}
        print(f"{name:10}{moment:10.3f}{factor:10.3f}{times['GPTQ']:10.3f}{times['whole']:44.3f}")
        for key, value in times.items():
            totals[key] = totals.get(key, 0) + LAYERS * value
    print(f"{'30 layers':10}{totals['moment']:10.1f}{totals['factor']:10.1f}{totals['GPTQ']:10.1f}{totals['whole']:44.1f}")
    return 0 if totals["GPTQ"] < CLAIM else 3


if __name__ == "__main__":
    sys.exit(main())
