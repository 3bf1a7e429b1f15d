#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every transform of channels on a real model, before and after on the interpreter with no quantizer: the largest difference of
the logits beside the largest logit.

A transform is exact in real arithmetic, so what is printed is rounding of sums in another order. Exit status 1 if one exceeds
`--limit` times the largest logit.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

TRANSFORMS = {
    "norm gains into layers": ["-qllm-fold-norm-gains"],
    "residual stream rotated": ["-qllm-rotate-residual"],
    "residual stream rotated, table untied": ["-qllm-rotate-residual=untie=true"],
    "values rotated": ["-qllm-rotate-heads=queries=false"],
    "queries and keys rotated": ["-qllm-rotate-heads=values=false"],
    "down inputs rotated": ["-qllm-rotate-inputs"],
    "smoothed, alpha 0.5": ["-qllm-smooth=calibration={data} calibration-windows=4"],
    "means shifted into biases": ["-qllm-shift-channels=calibration={data} calibration-windows=4"],
    "channels ordered by ranges": ["-qllm-permute-channels=calibration={data} calibration-windows=4"],
}


def tool(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)


def logits(bin_folder, module, tokens, folder):
    np.savez(folder / "in.npz", input_ids=tokens)
    tool(bin_folder / "qllm-translate", "--run", module, f"--input={folder / 'in.npz'}", f"--output={folder / 'out.npz'}")
    return np.load(folder / "out.npz")["logits"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path, help="an ONNX file that takes input_ids")
    parser.add_argument("--tokens", type=pathlib.Path, required=True, help="a text as .npy; also the calibration data")
    parser.add_argument("--length", type=int, default=64, help="tokens that are run")
    parser.add_argument("--limit", type=float, default=1e-3)
    parser.add_argument("--bin", type=pathlib.Path, default=pathlib.Path("build/release/bin"), help="where the tools are")
    options = parser.parse_args()
    tokens = np.load(options.tokens).reshape(-1)[None, : options.length].astype(np.int64)
    worst = 0.0
    # Modules name the model's weights by file, so they lie beside it.
    with tempfile.TemporaryDirectory() as scratch, tempfile.NamedTemporaryFile(dir=options.model.parent, suffix=".mlir") as module, \
            tempfile.NamedTemporaryFile(dir=options.model.parent, suffix=".mlir") as changed:
        folder = pathlib.Path(scratch)
        tool(options.bin / "qllm-translate", "--import-onnx", options.model, "-o", changed.name)
        tool(options.bin / "qllm-opt", changed.name, "-qllm-raise", "-convert-onnx-to-qllm", "-qllm-plan-rounding=weight-bits=4",
             "-o", module.name)
        before = logits(options.bin, module.name, tokens, folder)
        largest = np.abs(before).max()
        print(f"{'largest logit':40} {largest:.4f}")
        for name, passes in TRANSFORMS.items():
            tool(options.bin / "qllm-opt", module.name, *(text.format(data=options.tokens) for text in passes), "-o", changed.name)
            difference = np.abs(logits(options.bin, changed.name, tokens, folder) - before).max()
            worst = max(worst, difference / largest)
            print(f"{name:40} {difference:.2e}", flush=True)
    if worst > options.limit:
        sys.exit(f"expected differences of at most {options.limit} of the largest logit, but got {worst:.2e}")


if __name__ == "__main__":
    main()
