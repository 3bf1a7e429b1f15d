#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Instructions that a warp issues for each tensor instruction of the inner loop, in the machine code of ptxas.

usage: benchmarks/issue_slots.py [--bin build/release/bin]

The kernels are those of test/Target/PTX. Needs ptxas, cuobjdump and nvdisasm on the path; docs/getting-started.md says where to get them.
Goals are of slots for one instruction, and by wgmma of slots while instructions hold a tensor core for 512 cycles; exit code 3 when one
is missed.
"""
import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

from kernel_text import objects  # noqa: E402

TOOLS = ("ptxas", "cuobjdump", "nvdisasm")
LINE = re.compile(r"^\w+ (\w+) registers=.* issue=(\d+) per-tensor=([\d.]+)", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """A kernel of test/Target/PTX/`file`.mlir, and how many slots it may have; 0 is no goal."""
    title: str
    file: str
    target: str
    kernel: str
    most: float = 0.0


ROWS = (
    Row("W8A8 128x256x64", "ptxas", "sm_80", "linear_int8_int8_n1536_k1024", 1.9),
    Row("W4A8 128x256x64", "ptxas", "sm_80", "linear_int8_int4_n1536_k1024", 3.0),
    Row("W4A4 128x128x256, groups of 128", "ptxas-groups", "sm_80", "linear_int4_int4_n4096_k4096_g128", 6.0),
    Row("W4A4 128x128x128, groups of 128", "ptxas", "sm_80", "linear_int4_int4_n1536_k1024_g128"),
    Row("W4A4 64x128x256, groups of 128, zero points", "ptxas-groups", "sm_80", "linear_int4_uint4_n4096_k4096_g128"),
    Row("W4A8 64x128x128, groups of 128, zero points", "ptxas-groups", "sm_80", "linear_int8_uint4_n4096_k4096_g128"),
    Row("W4A16 64x256x64", "weight-only-ptxas", "sm_80", "linear_f16_int4_n4096_k4096"),
    Row("W4A16 64x256x128, groups of 128", "weight-only-ptxas", "sm_80", "linear_f16_int4_n4096_k4096_g128"),
    Row("W4A4 128x128x128, groups of 128, by bytes", "ptxas", "sm_90a", "linear_int4_int4_n1536_k1024_g128"),
    Row("W8A8 128x256x128 by wgmma", "ptxas-warpgroups", "sm_90a", "linear_int8_int8_n1536_k1024", 60),
    Row("W4A8 256x128x128 by wgmma", "ptxas-warpgroups", "sm_90a", "linear_int8_int4_n1536_k1024", 80),
    Row("W8A8 128x256x128 by wgmma, clusters of two", "ptxas-warpgroups", "sm_90a", "linear_int8_int8_n3072_k1024", 60),
    Row("W4A8 256x128x128 by wgmma, clusters of two", "ptxas-warpgroups", "sm_90a", "linear_int8_int4_n3072_k1024", 80),
    Row("W4A4 in bytes 256x128x128 by wgmma", "ptxas-warpgroups", "sm_90a", "linear_int4_bytes_int4_n1536_k1024"),
    Row("the same 128x128x128, groups of 128", "ptxas-warpgroups", "sm_90a", "linear_int4_bytes_int4_n1536_k1024_g128"),
    Row("the same, groups of 64 on both sides", "ptxas-warpgroups", "sm_90a", "linear_int4_bytes_int4_n1536_k1024_g64"),
    Row("W8A8 128x128x128 by wgmma, groups on both sides", "ptxas-warpgroups", "sm_90a", "linear_int8_int8_n1536_k1024_g128"),
    Row("W4A8 128x128x128 by wgmma, zero points, groups", "ptxas-warpgroups", "sm_90a", "linear_uint8_uint4_n1536_k1024_g128"),
    Row("NVFP4 128x128x256", "ptxas-block-scaled", "sm_120a", "linear_nvfp4_n1536_k1024", 3.5),
    Row("MXFP4 128x256x128", "ptxas-block-scaled", "sm_120a", "linear_mxfp4_n1536_k1024"),
)


@dataclass(frozen=True)
class Slots:
    """Of the inner loop; `columns` of its wgmma instructions, or 0 where there are none."""
    issued: int
    each: float
    columns: int

    def per_512_cycles(self) -> float:
        """A wgmma of 64 rows and 32 bytes of depth holds a tensor core for half as many cycles as it has columns."""
        return self.each * 1024 / self.columns


class ToolFailed(Exception):
    """qllm-opt or kernel-report.py ended with an error; the text is its own."""


def run(command: list, **options) -> str:
    found = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if found.returncode:
        raise ToolFailed(found.stderr.strip())
    return found.stdout


def report(binaries: Path, file: str, target: str) -> dict:
    """Slots of every kernel of a module by its name."""
    module = run([binaries / "qllm-opt", ROOT / f"test/Target/PTX/{file}.mlir", f"--qllm-lower-to-nvvm=targets={target} format=ptx"])
    (_, ptx), = objects(module)
    parts = re.split(r"\.entry (\w+)\(", ptx.decode())[1:]
    # Branches have instructions of their own, outside of the loop, and no kernel of the table has one.
    columns = {name: max(map(int, re.findall(r"wgmma\.mma_async\S*\.m64n(\d+)k32", body)), default=0) for name, body in zip(parts[::2], parts[1::2])}
    text = run([sys.executable, ROOT / "utils/kernel-report.py", "-", "--check"], input=module)
    return {name: Slots(int(issued), float(each), columns[name]) for name, issued, each in LINE.findall(text)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    options = parser.parse_args()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print(f"error: expected {', '.join(TOOLS)} on the path, but {missing[0]} is not; docs/getting-started.md says where to get it", file=sys.stderr)
        return 1
    print(f"{'kernel':48} {'target':8} {'slots':>5} {'tensor':>6} {'each':>6} {'in 512 cycles':>13}  goal")
    reports, missed = {}, []
    for row in ROWS:
        key = row.file, row.target
        if key not in reports:
            reports[key] = report(options.bin, *key)
        slots = reports[key].get(row.kernel)
        if not slots:
            raise ToolFailed(f"expected {row.kernel} among the kernels of {row.file}.mlir, but got {', '.join(reports[key])}")
        in_cycles = slots.per_512_cycles() if slots.columns else 0
        goal = f"{row.most:g}" + (" in 512 cycles" if slots.columns else " each") if row.most else "-"
        met = not row.most or (in_cycles or slots.each) <= row.most
        missed += [] if met else [f"{row.title} on {row.target}"]
        print(f"{row.title:48} {row.target:8} {slots.issued:5} {round(slots.issued / slots.each):6} {slots.each:6.2f} "
              f"{format(in_cycles, '13.0f') if in_cycles else '-':>13}  {goal}", flush=True)
    print(f"claim: no kernel has more slots than its goal: {'NOT met by ' + '; '.join(missed) if missed else 'met'}")
    return 3 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ToolFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
