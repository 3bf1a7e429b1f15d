#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rounding every weight of SmolLM2-135M to 4 bits in groups of 32, embedding and head included: ours beside the peers.

Claim: at most 2.6 CPU seconds and a file of at most 90.3 MB. A peer runs where the Python given by --python has it (they are not in
utils/requirements.txt, as they are large); the others are listed as not installed. The figure is about cost only: these weights were in that
format before, so the perplexity of the result says nothing (see docs/results.md).
"""
import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

from measure import exit_with, measure  # noqa: E402

PEERS = {
    "onnxruntime": ("onnxruntime_quantize.py", "onnxruntime.quantization.matmul_nbits_quantizer"),
    "nncf on openvino": ("nncf_quantize.py", "nncf, openvino"),
}
MOST_CPU, MOST_BYTES = 2.6, 90_300_000


def folder_bytes(folder: Path) -> int:
    """Bytes of the model's own files: a result directory also holds a plan, a report and the recipe."""
    return sum(each.stat().st_size for each in folder.iterdir() if each.name.startswith("model."))


def run(make_command, repeat: int) -> tuple:
    """Median CPU and wall seconds, largest peak and the bytes written, of `repeat` runs into fresh folders."""
    costs = []
    for _ in range(repeat):
        with tempfile.TemporaryDirectory() as folder:
            costs.append(measure(make_command(Path(folder))))
            written = folder_bytes(Path(folder))
    middle = lambda key: statistics.median(key(cost) for cost in costs)
    return middle(lambda c: c.cpu), middle(lambda c: c.wall), max(cost.peak for cost in costs), written


def has_modules(python: str, modules: str) -> bool:
    return subprocess.run([python, "-c", f"import {modules}"], capture_output=True, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "build/demo/smollm2.onnx")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has the peers")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    if not options.model.exists():
        print(f"error: expected the model at '{options.model}'; './run demo --prepare-only' makes it", file=sys.stderr)
        return 1
    ours = lambda folder: [
        options.bin / "qllm", "quantize", options.model, "--recipe", "rtn", "--weight-bits=4", "--granularity=group",
        "--group-size=32", "--symmetric", "--scale=f16", "--include-embedding", "--include-head", "-o", folder]
    print(f"{'tool':18} {'CPU s':>7} {'wall s':>7} {'peak MiB':>9} {'bytes':>13}")
    line = lambda name, cost: print(f"{name:18} {cost[0]:7.2f} {cost[1]:7.2f} {cost[2] / 2**20:9.0f} {cost[3]:13,}", flush=True)
    cost = run(ours, options.repeat)
    line("qllm", cost)
    for name, (script, modules) in PEERS.items():
        if not has_modules(options.python, modules):
            print(f"{name:18} not installed in {options.python}")
            continue
        path = ROOT / "benchmarks" / "peers" / script
        line(name, run(lambda folder: [options.python, path, options.model, folder], options.repeat))
    met = cost[0] <= MOST_CPU and cost[3] <= MOST_BYTES
    print(f"claim: at most {MOST_CPU} CPU s and {MOST_BYTES:,} bytes: {'met' if met else 'NOT met'}")
    return 0 if met else 3


if __name__ == "__main__":
    exit_with(main)
