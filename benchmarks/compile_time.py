#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""From qk operations to PTX and cubins: CPU seconds of single kernels, and of all linear layers of SmolLM2-135M.

usage: benchmarks/compile_time.py [--target sm_90a]

A row is one run of qllm-opt with its start-up, and ptxas, which it starts, is counted as well. The model's 30 layers have seven linear
layers each, which share the kernels of their shapes. Claims, to cubins: at most 1 s for a kernel and 60 s for a model; exit code 3 when
they are not met.
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
LAYERS = 30
# Outputs and inputs of q, k, v, o, gate, up and down.
LINEARS = [(576, 576), (192, 576), (192, 576), (576, 576), (1536, 576), (1536, 576), (576, 1536)]


def function(kind: str, n: int, k: int, name: str) -> str:
    """A function with one linear layer, with the schedule for prompts."""
    inputs, weights, group = plan.LINEARS[kind]
    schedule, _ = next(plan.linear_schedules(kind, n))
    problem = {"n": n, "k": k, "input": inputs, "weight": weights, "group": group}
    return Linear(problem).module(schedule).replace("@linear", f"@{name}", 1)


def cases():
    """(title, module, CPU seconds claimed)."""
    for kind in plan.LINEARS:
        yield f"{kind} 4096x4096", function(kind, 4096, 4096, "linear"), MOST_KERNEL
    for kind in ("w8a8", "w4a8"):
        functions = [function(kind, n, k, f"layer{layer}_{index}") for layer in range(LAYERS) for index, (n, k) in enumerate(LINEARS)]
        yield f"SmolLM2-135M {kind}", "\n".join(functions), MOST_MODEL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="sm_90a")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--runs", type=int, default=3, help="of each, of which the median counts")
    options = parser.parse_args()
    if not shutil.which("ptxas"):
        print("error: expected ptxas on the path; docs/getting-started.md says where to get it", file=sys.stderr)
        return 1
    met = True
    print(f"{options.target:22} {'operations':>10} {'kernels':>8} {'PTX CPU s':>10} {'cubin CPU s':>12} {'peak MB':>8}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "module.mlir"
        for title, module, most in cases():
            path.write_text(module)
            lower = [options.bin / "qllm-opt", path, f"--qllm-lower-to-nvvm=targets={options.target}"]
            runs = {form: [measure([*lower[:2], f"{lower[2]} format={form}"]) for _ in range(options.runs)] for form in ("ptx", "cubin")}
            seconds = {form: statistics.median(cost.cpu for cost in costs) for form, costs in runs.items()}
            found = launches(runs["cubin"][0].output)
            peak = max(cost.peak for cost in runs["cubin"])
            print(f"{title:22} {len(found):10} {len({each.kernel for each in found}):8} {seconds['ptx']:10.2f} {seconds['cubin']:12.2f} "
                  f"{peak / 1e6:8.0f}", flush=True)
            met = met and seconds["cubin"] <= most
    print(f"claim: at most {MOST_KERNEL} s for a kernel and {MOST_MODEL:.0f} s for a model: {'met' if met else 'NOT met'}")
    return 0 if met else 3


if __name__ == "__main__":
    exit_with(main)
