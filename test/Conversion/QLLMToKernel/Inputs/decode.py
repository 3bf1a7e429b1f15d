"""Runs attention.mlir on the interpreter, and with a paged cache on the emulator: a prompt, then a token.

usage: decode.py MODULE.mlir FOLDER TARGET [PROMPT [OPTION=VALUE ..]]

The prompt has 16 tokens unless given; options are those of page-kv-cache. Prints the largest difference of both to the whole sequence, relative to the largest value. More than 2^-14 is an error:
products of codes are exact, weights of tokens are within 2^-17 each (docs/Dialects/Kernel.md, qk.attention).
"""

import pathlib
import subprocess
import sys

import numpy as np

module, folder, target = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
random = np.random.default_rng(1)
prompt = int(sys.argv[4]) if len(sys.argv) > 4 else 16
tokens, extra = prompt + 1, " ".join(sys.argv[5:])
arrays = {name: random.normal(size=(1, tokens, width)).astype(np.float32) for name, width in (("q", 128), ("k", 64), ("v", 64))}


def run(path, inputs, *options):
    np.savez(folder / "in.npz", **inputs)
    subprocess.run(["qllm-translate", "--run", path, f"--input={folder}/in.npz", f"--output={folder}/out.npz", *options], check=True)
    return dict(np.load(folder / "out.npz"))


subprocess.run(["qllm-opt", module, f"--page-kv-cache={extra}", "--canonicalize", "--cse",
                f"--qllm-lower-to-nvvm=targets={target} format=emulator", "-o", folder / "paged.mlir"], check=True)
whole = run(module, arrays)["y"]
# Pages of 64 tokens, the last first, and one that nobody reads.
pages = np.arange(-(-tokens // 64), dtype=np.int32)[::-1] + 1
cache, worst = np.zeros((len(pages) + 1, 1, 5120), np.int8), 0.0
for name, first, last in (("prompt", 0, prompt), ("token", prompt, tokens)):
    part = {key: value[:, first:last] for key, value in arrays.items()}
    result = run(folder / "paged.mlir", {**part, "positions": np.arange(first, last, dtype=np.int32),
                                        "pages": pages, "cache.0": cache}, f"--run-device={target}")
    cache = result["cache.0.out"]
    difference = np.abs(result["y"] - whole[:, first:last]).max() / np.abs(whole).max()
    print(f"{name}: difference {difference:.2e}")
    worst = max(worst, difference)
sys.exit(not worst <= 2.0**-14)
