"""Runs a quantized model on the interpreter, and as kernels on the emulator, and compares the logits.

usage: compare.py RESULT INPUTS.npz FOLDER TARGET [BOUND[,MOVED] [fuse=true] [schedule=#qk.schedule<..>]]

RESULT is what `qllm quantize` wrote, INPUTS.npz has arrays called in.NAME. Every finding of the emulator is an error.
Options go to convert-qllm-to-kernel; with fuse=true inputs are quantized by kernels too. Prints the largest difference
relative to the largest logit; more than BOUND, 0 unless given, is an error. At most MOVED tokens, 0 unless given, may have become another
code somewhere, as one that lies next to the middle between two can, and have logits up to a quarter of the largest away: which tokens
these are depends on the machine that quantized the model.
"""

import pathlib
import shutil
import subprocess
import sys

import numpy as np

result, inputs, folder = (pathlib.Path(argument) for argument in sys.argv[1:4])
target, bounds = sys.argv[4], (sys.argv[5] if len(sys.argv) > 5 else "0").split(",")
bound, moved = float(bounds[0]), int(bounds[1]) if len(bounds) > 1 else 0
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
differences = np.abs(logits - reference).max(-1) / np.abs(reference).max()
print(f"logits of {reference.shape}, difference {differences.max():g}, tokens with another code {np.sum(differences > bound)}")
sys.exit(not (np.sum(~(differences <= bound)) <= moved and differences.max() <= max(bound, 0.25 if moved else 0)))
