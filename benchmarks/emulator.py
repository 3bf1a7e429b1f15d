#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels on the emulator with all of its checks, beside the same without any: seconds that they run for, compiling left out.

Claim: all checks at most double the time. Both take turns, and the fastest run of each is compared.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

from measure import exit_with, measure  # noqa: E402

MOST = 2.0
LINEAR, QUANTIZE, WEIGHT_ONLY, BLOCK_SCALED = "run-linear.py", "run-quantize.py", "run-weight-only.py", "run-block-scaled.py"
# The script of the tests that compiles the kernel and draws operands, its options, and the target.
CASES = {
    "W8A8 256x512x1024": (LINEAR, "rows=256 columns=512 depth=1024 tile=128,128,64 warps=2,4", "sm_80"),
    "W4A8 256x512x1024": (LINEAR, "rows=256 columns=512 depth=1024 weight=int4 tile=128,128,64 warps=2,4", "sm_80"),
    "W4A4 256x512x1024, groups of 128": (LINEAR, "rows=256 columns=512 depth=1024 input=int4 weight=int4 group=128 tile=128,128,128 warps=2,4", "sm_80"),
    "W4A8 256x512x1024 by wgmma": (LINEAR, "rows=256 columns=512 depth=1024 weight=int4 tile=128,128,128 warps=1,8 stages=4 producers=1", "sm_90a"),
    "W8A8 256x512x1024 by wgmma": (LINEAR, "rows=256 columns=512 depth=1024 tile=128,128,128 warps=1,8 stages=4 producers=1", "sm_90a"),
    "W4A16 256x512x1024": (WEIGHT_ONLY, "rows=256 columns=512 depth=1024 group=128 tile=64,64,64 warps=2,2", "sm_80"),
    "W4A16 16x1024x2048, stream-K": (WEIGHT_ONLY, "rows=16 columns=1024 depth=2048 group=128 tile=16,64,64 warps=1,4 blocks=12", "sm_80"),
    "NVFP4 128x512x1024": (BLOCK_SCALED, "rows=128 columns=512 depth=1024 tile=64,64,128 warps=2,2", "sm_120a"),
    "W8A8 256x512x1024 by wgmma, clusters of two": (LINEAR, "rows=256 columns=512 depth=1024 tile=128,128,128 warps=1,8 stages=4 producers=1 cluster=2", "sm_90a"),
    "NVFP4 128x512x1024 by tcgen05": (BLOCK_SCALED, "rows=128 columns=512 depth=1024 tile=128,128,256 warps=4,1 producers=1", "sm_100a"),
    "RMSNorm and quantization, 2048x4096": (QUANTIZE, "rows=2048 columns=4096 norm=rms residual=1 stream=1", "sm_80"),
    "RMSNorm and MXFP4, 2048x4096": ("run-quantize-blocks.py", "rows=2048 columns=4096 norm=rms format=mxfp4", "sm_120a"),
    "attention over 2048 tokens of 4 bits": ("run-attention.py", "attention rows=8 length=2048 query=int8", "sm_80"),
    "keys and values appended, 512 tokens": ("run-attention.py", "append rows=512 length=512", "sm_80"),
}


def seconds(tool: Path, folder: Path, target: str, checks: str) -> float:
    """As the report says, of the run without the compilation."""
    report = measure([tool, folder / "kernel.mlir", f"--launch={folder}/launch.json", f"--arch={target}", f"--check={checks}"]).output
    return float(re.search(r", ([\d.]+) s$", report, re.M)[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    environment = os.environ | {"PATH": f"{options.bin}:{os.environ['PATH']}"}
    worst = 0.0
    print(f"{'kernel':38} {'checks s':>9} {'none s':>9} {'ratio':>6}")
    for name, (script, words, target) in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, ROOT / "test/Conversion/KernelToNVVM/Inputs" / script, folder, *words.split(), f"target={target}"],
                           check=True, stdout=subprocess.DEVNULL, env=environment)
            runs = [[seconds(options.bin / "qllm-emu", Path(folder), target, checks) for checks in ("all", "none")] for _ in range(options.runs)]
        checked, plain = (min(each) for each in zip(*runs))
        worst = max(worst, checked / plain)
        print(f"{name:38} {checked:9.3f} {plain:9.3f} {checked / plain:6.2f}")
    print(f"claim: all checks take at most {MOST:g} times as long as none: {'met' if worst <= MOST else 'NOT met'}")
    return 0 if worst <= MOST else 1


if __name__ == "__main__":
    exit_with(main)
