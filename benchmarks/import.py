#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Import, printing and export of SmolLM2-135M in fp32 (540 MB of weights): ours beside the peers.

Claims: import to a verified module at most 1.0 CPU s and 400 MB resident; parsing, verifying and printing that module at most 0.4 s and
192 MB; import and export unchanged at most 2.5 s and 650 MB. A peer runs where the Python given by --python has it.
"""
import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

from measure import exit_with, measure  # noqa: E402

ONNX_COPY = """
import onnx, sys
onnx.save(onnx.load(sys.argv[1]), sys.argv[2], save_as_external_data=True, location="copy.onnx.data")
"""


def cost_of(commands: list, repeat: int) -> tuple:
    """CPU seconds of all commands together, median of `repeat` runs, and the largest peak in bytes."""
    runs = [[measure(command) for command in commands] for _ in range(repeat)]
    return statistics.median(sum(cost.cpu for cost in run) for run in runs), max(cost.peak for run in runs for cost in run)


def has_module(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode == 0


def peers(python: str, model: Path, folder: Path):
    """Name and command of each peer that is installed; the name alone of one that is not."""
    scripts = Path(python).parent
    yield "onnx for Python: load, save", [python, "-c", ONNX_COPY, model, folder / "copy.onnx"] if has_module(python, "onnx") else None
    for name in ("iree-import-onnx", "torch-mlir-import-onnx"):
        found = shutil.which(name, path=str(scripts)) or shutil.which(name)
        yield name, [found, model, "-o", folder / "peer.mlir"] if found else None


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
    translate, opt = options.bin / "qllm-translate", options.bin / "qllm-opt"
    met = True

    def line(name: str, cost: tuple, most: tuple = None) -> None:
        nonlocal met
        seconds, megabytes = cost[0], cost[1] / 1e6
        claim = ""
        if most:
            ok = seconds <= most[0] and megabytes <= most[1]
            met &= ok
            claim = f"{'met' if ok else 'NOT met'}: {most[0]} s, {most[1]} MB"
        print(f"{name:34} {seconds:7.2f} {megabytes:8.0f}  {claim}".rstrip(), flush=True)

    print(f"{'':34} {'CPU s':>7} {'peak MB':>8}  claim")
    # In the folder of the model, where the module refers to its files; a side file would be a copy.
    with tempfile.TemporaryDirectory(dir=options.model.resolve().parent) as scratch:
        folder = Path(scratch)
        module = options.model.resolve().parent / (folder.name + ".mlir")
        try:
            read = [translate, "--import-onnx", options.model, "-o", module]
            line("qllm import", cost_of([read], options.repeat), (1.0, 400))
            line("qllm-opt parse, verify, print", cost_of([[opt, module, "-o", "/dev/null"]], options.repeat), (0.4, 192))
            write = [translate, "--export-onnx", module, "-o", folder / "out.onnx"]
            line("qllm import and export", cost_of([read, write], options.repeat), (2.5, 650))
            single = folder / "single.onnx"
            measure([translate, "--export-onnx", module, "--external-data=never", "-o", single])
            line("qllm import, weights in one file", cost_of([[translate, "--import-onnx", single, "-o", folder / "single.mlir"]],
                                                             options.repeat), (1.0, 400))
            for name, command in peers(options.python, options.model, folder):
                if command:
                    line(name, cost_of([command], 1))
                else:
                    print(f"{name:34} not installed for {options.python}")
        finally:
            module.unlink(missing_ok=True)
    return 0 if met else 3


if __name__ == "__main__":
    exit_with(main)
