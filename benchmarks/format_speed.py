#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizing, packing and reading back the weights of SmolLM2-135M in every format, on one thread.

usage: benchmarks/format_speed.py [--weights MILLIONS]

CPU seconds for all 134.5 million weights, scaled up from those timed (16 million; the work is linear). The claim: int4 in groups
of 32 is quantized and packed in less than 1.5 s; exit code 3 when it is not.
"""
import argparse
import pathlib
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "test" / "Python" / "support"))
import format_probe as probe  # noqa: E402

MODEL_WEIGHTS = 134_515_008
CLAIM = ("int4 g32", 1.5)


def cases():
    yield "int4 g32", probe.spec("int4"), 32
    yield "int4 g128", probe.spec("int4"), 128
    yield "uint4 asymmetric g32", probe.spec("uint4", symmetric=False), 32
    yield "int8 g576", probe.spec("int8"), 576
    yield "ternary absmean g576", probe.spec("ternary", abs_mean=True), 576
    for name in ["mxfp8-e4m3", "mxfp8-e5m2", "mxfp6-e3m2", "mxfp6-e2m3", "mxfp4", "nf4"]:
        yield (name, *probe.block_format(name))
    nvfp4, size = probe.block_format("nvfp4")
    nvfp4.tensor_scale = 5.0 / 2688
    yield "nvfp4", nvfp4, size


def cpu_seconds(action, repeats=3):
    """The best of a few runs, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = action()
        times.append(time.process_time() - start)
    return min(times), result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--weights", type=int, default=16, help="millions of weights to time")
    count = parser.parse_args().weights * 1_000_000 // 576 * 576
    weights = np.random.default_rng(0).standard_normal(count).astype(np.float32)
    factor = MODEL_WEIGHTS / count
    met = True
    print(f"{'format':<22} {'quantize s':>10} {'pack s':>8} {'read back s':>12}")
    for name, spec, size in cases():
        quantize, (codes, scales, zeros) = cpu_seconds(lambda: probe.quantize(spec, weights, size))
        pack, _ = cpu_seconds(lambda: probe.pack(spec.element.decode(), codes))
        back, _ = cpu_seconds(lambda: probe.dequantize(spec, codes, size, scales, zeros))
        print(f"{name:<22} {quantize * factor:>10.3f} {pack * factor:>8.3f} {back * factor:>12.3f}", flush=True)
        if name == CLAIM[0]:
            met = (quantize + pack) * factor < CLAIM[1]
    return 0 if met else 3


if __name__ == "__main__":
    sys.exit(main())
