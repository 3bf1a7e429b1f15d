#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From qk operations to PTX and cubins: CPU seconds of one kernel of each kind, and of the whole quantized SmolLM2-135M.

usage: benchmarks/compile_time.py [--target sm_90a] [--only TEXT]

Kernels are those of benchmarks/gpu/plan.py, each kind with its first shape and schedule. A row is one run of qllm-opt with its start-up, and ptxas, which it starts, is counted as well. Models are quantized by `qllm` first, which
is not counted; then their products become kernels and those code. Claims, to cubins: at most 1 s for a kernel and 60 s for a model; exit code 3
when they are not met, by whom is said.
"""
import argparse
import functools
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "utils"), str(ROOT / "benchmarks" / "gpu")]

import plan  # noqa: E402
from families import find_subject  # noqa: E402
from kernel_text import launches  # noqa: E402
from measure import exit_with, measure  # noqa: E402

MOST_KERNEL, MOST_MODEL = 1.0, 60.0
MODELS = {"w8a8": (8, 8), "w4a8": (4, 8), "w4a4": (4, 4)}
SIZES = ("n", "k", "columns", "length", "splits")  # of problems that are otherwise of one kind


def kinds(target: str) -> list:
    """(name, module) of each kind of kernel that the plan has for the target."""
    found = {}
    for family, problem, schedules in plan.entries(target):
        kind = family, *((key, bool(value) if key == "blocks" else value) for key, value in problem.items() if key not in SIZES)
        if kind not in found:
            subject = find_subject(family, problem)
            found[kind] = f"{family} {subject.title}", subject.module(schedules[0][0])
    return list(found.values())


def write_module(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def model(options, folder: Path, kind: str) -> Path:
    """The model after rounding to nearest, with a cache of four bits whose attention becomes a kernel too."""
    weights, activations = MODELS[kind]
    measure([options.bin / "qllm", "quantize", options.model, "--recipe", "rtn", f"--weight-bits={weights}",
             f"--activation-bits={activations}", "--kv-bits=4", "-o", folder / kind])
    return folder / kind / "model.mlirbc"


def compile_costs(options, path: Path, form: str, before: list) -> list:
    """`before` are passes ahead of the kernels' own."""
    target = f"targets={options.target}"
    command = [options.bin / "qllm-opt", path.name, *before, f"--convert-qllm-to-kernel={target}",
               f"--qllm-lower-to-nvvm={target} format={form}"]
    return [measure(command, cwd=path.parent) for _ in range(options.runs)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="sm_90a")
    parser.add_argument("--model", type=Path, default=ROOT / "build/demo/smollm2.onnx")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--only", default="", metavar="TEXT", help="only what has this in its name")
    parser.add_argument("--runs", type=int, default=3, help="of each, of which the median counts")
    options = parser.parse_args()
    if not shutil.which("ptxas"):
        print("error: expected ptxas on the path; docs/getting-started.md says where to get it", file=sys.stderr)
        return 1
    if not options.model.exists():
        print(f"error: expected the model at '{options.model}'; './run demo --prepare-only' makes it", file=sys.stderr)
        return 1
    slow = []
    print(f"{options.target:54} {'launches':>8} {'kernels':>8} {'PTX CPU s':>10} {'cubin CPU s':>12} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [(title, functools.partial(write_module, folder / "kernel.mlir", text), [], MOST_KERNEL) for title, text in kinds(options.target)]
        cases += [(f"SmolLM2-135M {kind}", functools.partial(model, options, folder, kind), ["--page-kv-cache"], MOST_MODEL) for kind in MODELS]
        for title, make, before, most in cases:
            if options.only not in title:
                continue
            path = make()
            ptx, cubin = (compile_costs(options, path, form, before) for form in ("ptx", "cubin"))
            found = launches(cubin[0].output)
            seconds = statistics.median(cost.cpu for cost in cubin)
            print(f"{title:54} {len(found):8} {len({each.kernel for each in found}):8} {statistics.median(cost.cpu for cost in ptx):10.2f} "
                  f"{seconds:12.2f} {max(cost.peak for cost in cubin) / 1e6:8.0f}", flush=True)
            slow += [f"{title} ({seconds:.2f} s)"] if seconds > most else []
    print(f"claim: at most {MOST_KERNEL} s for a kernel and {MOST_MODEL:.0f} s for a model: {'NOT met by ' + '; '.join(slow) if slow else 'met'}")
    return 3 if slow else 0


if __name__ == "__main__":
    exit_with(main)
