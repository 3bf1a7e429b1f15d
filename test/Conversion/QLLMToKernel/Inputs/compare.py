"""Runs a quantized model on the interpreter, and as kernels on the emulator, and compares the logits.

usage: compare.py RESULT INPUTS.npz FOLDER TARGET [BOUND [fuse=true] [schedule=#qk.schedule<..>]]

RESULT is what `qllm quantize` wrote, INPUTS.npz has arrays called in.NAME. Every finding of the emulator is an error.
Options go to convert-qllm-to-kernel; with fuse=true inputs are quantized by kernels too. Prints the largest difference
relative to the largest logit; more than BOUND, 0 unless given, is an error.
"""

import pathlib
import shutil
import subprocess
import sys

import numpy as np

result, inputs, folder = (pathlib.Path(argument) for argument in sys.argv[1:4])
target, bound = sys.argv[4], float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
extra = " ".join(sys.argv[6:] or ["fuse=false"])
shutil.copytree(result, folder)
arrays = {name.removeprefix("in."): value for name, value in np.load(inputs).items() if name.startswith("in.")}
np.savez(folder / "inputs.npz", **arrays)
subprocess.run(["qllm-opt", "model.mlirbc", f"--convert-qllm-to-kernel=targets={target} {extra}", "--fold-kernel-weights",
                "--canonicalize", "--cse", f"--qllm-lower-to-nvvm=targets={target} format=emulator", "-emit-bytecode",
                "-o", "kernels.mlirbc"], check=True, cwd=folder)


def run(module, *options):
    subprocess.run(["qllm-translate", "--run", module, "--input=inputs.npz", "--output=out.npz", *options], check=True,
                   cwd=folder)
    return np.load(folder / "out.npz")["logits"]


reference, logits = run("model.mlirbc"), run("kernels.mlirbc", f"--run-device={target}")
difference = np.abs(logits - reference).max() / np.abs(reference).max()
print(f"logits of {reference.shape}, difference {difference:g}")
sys.exit(not difference <= bound)
