#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From qk operations to PTX and cubins: CPU seconds of single kernels, and of the whole quantized SmolLM2-135M.

usage: benchmarks/compile_time.py [--target sm_90a]

A row is one run of qllm-opt with its start-up, and ptxas, which it starts, is counted as well. Models are quantized by `qllm` first, which
is not counted; then their products become kernels and those code. Claims, to cubins: at most 1 s for a kernel and 60 s for a model; exit code 3
when they are not met.
"""
import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "utils"), str(ROOT / "benchmarks" / "gpu")]

import plan  # noqa: E402
from families.linear import Linear  # noqa: E402
from kernel_text import launches  # noqa: E402
from measure import exit_with, measure  # noqa: E402

MOST_KERNEL, MOST_MODEL = 1.0, 60.0
MODELS = {"w8a8": (8, 8), "w4a8": (4, 8), "w4a4": (4, 4)}


def kernel(options, folder: Path, kind: str) -> Path:
    """A module with one linear layer, with the schedule for prompts."""
    problem = {"n": 4096, "k": 4096, **plan.LINEARS[kind]}
    schedule, _ = next(plan.linear_schedules(problem, options.target))
    path = folder / f"{kind}.mlir"
    path.write_text(Linear(problem).module(schedule))
    return path


def model(options, folder: Path, kind: str) -> Path:
    """The model after rounding to nearest."""
    weights, activations = MODELS[kind]
    measure([options.bin / "qllm", "quantize", options.model, "--recipe", "rtn", f"--weight-bits={weights}",
             f"--activation-bits={activations}", "-o", folder / kind])
    return folder / kind / "model.mlirbc"


def compile_costs(options, path: Path, form: str) -> list:
    target = f"targets={options.target}"
    command = [options.bin / "qllm-opt", path.name, f"--convert-qllm-to-kernel={target}", f"--qllm-lower-to-nvvm={target} format={form}"]
    return [measure(command, cwd=path.parent) for _ in range(options.runs)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="sm_90a")
    parser.add_argument("--model", type=Path, default=ROOT / "build/demo/smollm2.onnx")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--runs", type=int, default=3, help="of each, of which the median counts")
    options = parser.parse_args()
    if not shutil.which("ptxas"):
        print("error: expected ptxas on the path; docs/getting-started.md says where to get it", file=sys.stderr)
        return 1
    if not options.model.exists():
        print(f"error: expected the model at '{options.model}'; './run demo --prepare-only' makes it", file=sys.stderr)
        return 1
    met = True
    print(f"{options.target:22} {'launches':>8} {'kernels':>8} {'PTX CPU s':>10} {'cubin CPU s':>12} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = [(f"{kind} 4096x4096", kernel(options, folder, kind), MOST_KERNEL) for kind in plan.LINEARS]
        cases += [(f"SmolLM2-135M {kind}", model(options, folder, kind), MOST_MODEL) for kind in MODELS]
        for title, path, most in cases:
            ptx, cubin = (compile_costs(options, path, form) for form in ("ptx", "cubin"))
            found = launches(cubin[0].output)
            seconds = statistics.median(cost.cpu for cost in cubin)
            print(f"{title:22} {len(found):8} {len({each.kernel for each in found}):8} {statistics.median(cost.cpu for cost in ptx):10.2f} "
                  f"{seconds:12.2f} {max(cost.peak for cost in cubin) / 1e6:8.0f}", flush=True)
            met = met and seconds <= most
    print(f"claim: at most {MOST_KERNEL} s for a kernel and {MOST_MODEL:.0f} s for a model: {'met' if met else 'NOT met'}")
    return 0 if met else 3


if __name__ == "__main__":
    exit_with(main)
