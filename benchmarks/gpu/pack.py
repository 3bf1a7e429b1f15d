#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiles kernels into a package for bench.py, which needs no compiler.

usage: benchmarks/gpu/pack.py FOLDER [--target sm_90a] [--only TEXT] [--code cubin,ptx,emulator] [--plan FILE] [--instructions]

Needs qllm-opt on the path, and ptxas for cubins; a driver that does not take those compiles the PTX itself. The package has files for each
kernel and manifest.json with what a launch needs to know. --plan takes other problems than those of plan.py: JSON, a list of
[family, problem, [[schedule, rows], ..]].
"""
import argparse
import json
import shutil
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "utils"))

import plan  # noqa: E402
from families import find_subject  # noqa: E402
from instructions import INSTRUCTIONS  # noqa: E402
from kernel_text import CompilerFailed, compile_module, emulator_module, launches, lower, objects  # noqa: E402
from manifest import BadInput, Entry, Kernel, Package, read_file  # noqa: E402
from provenance import revision  # noqa: E402

CODES = ("cubin", "ptx", "emulator")
TO_LLVM = "gpu.module(convert-nvvm-to-llvm,convert-to-llvm,reconcile-unrealized-casts,canonicalize,cse)"


class Packer:
    """Compiles for one target into one folder."""

    def __init__(self, options):
        self.folder, self.target, self.toolkit = options.folder, options.target, options.toolkit
        self.codes = options.code.split(",")
        self.count = 0

    def kernel(self, module: str, schedule: str, rows) -> Kernel:
        """Compiles a module with one kernel."""
        self.count += 1
        lowered = lower(module, self.target, "kernels")
        launch, = launches(lowered)
        files = {}
        if "cubin" in self.codes:
            (_, binary), = objects(lower(module, self.target, "cubin", self.toolkit))
            files["cubin"] = self.write(f"{self.count:03}-{launch.kernel}.cubin", binary)
        if "ptx" in self.codes:
            (_, text), = objects(lower(module, self.target, "ptx"))
            files["ptx"] = self.write(f"{self.count:03}-{launch.kernel}.ptx", text)
        if "emulator" in self.codes:
            files["emulator"] = self.write(f"{self.count:03}-{launch.kernel}.mlir", emulator_module(lowered).encode())
        in_place = dict(launch.in_place)
        results = tuple(each for index, each in enumerate(launch.results) if index not in in_place)
        return Kernel(launch.kernel, files, launch.operands, results, launch.sizes, launch.geometry[self.target], schedule, tuple(rows),
                      tuple(in_place.values()))

    def write(self, name: str, content: bytes) -> str:
        (self.folder / name).write_bytes(content)
        return name

    def entry(self, family: str, problem: dict, schedules) -> Entry:
        subject = find_subject(family, problem)
        title = f"{family} {subject.title}"
        print(title, flush=True)
        return Entry(title, family, problem, tuple(self.kernel(subject.module(schedule), schedule, rows) for schedule, rows in schedules))

    def instruction(self, instruction) -> Kernel:
        """Compiles what instructions.py has of an instruction, which is below the level of kernels."""
        module, files = instruction.module(self.target), {}
        print(f"instruction {instruction.name}", flush=True)
        for kind, form in (("cubin", "bin"), ("ptx", "isa")):
            if kind in self.codes:
                toolkit = f" toolkit={self.toolkit}" if self.toolkit else ""
                binary = f"gpu-module-to-binary{{format={form}{toolkit}}}"
                (_, code), = objects(compile_module(module, f"--pass-pipeline=builtin.module({TO_LLVM},{binary})"))
                files[kind] = self.write(f"{instruction.name}.{kind}", code)
        if "emulator" in self.codes:
            files["emulator"] = self.write(f"{instruction.name}.mlir", module.encode())
        return instruction.kernel(files)


def read_plan(path: Path):
    try:
        found = [(family, problem, [(schedule, rows) for schedule, rows in schedules]) for family, problem, schedules in json.loads(read_file(path))]
    except (TypeError, ValueError) as error:
        raise BadInput(f"'{path}': expected a list of [family, problem, [[schedule, rows], ..]], but {error}") from error
    for family, problem, _ in found:
        try:
            find_subject(family, problem)
        except BadInput as error:
            raise BadInput(f"'{path}': {error}") from error
    return found


def pack(options) -> int:
    unknown = [code for code in options.code.split(",") if code not in CODES]
    if unknown:
        raise BadInput(f"expected --code to be of {', '.join(CODES)}, but got '{unknown[0]}'")
    for tool, wanted in (("qllm-opt", True), ("ptxas", "cubin" in options.code and not options.toolkit)):
        if wanted and not shutil.which(tool):
            raise BadInput(f"expected {tool} on the path" + ("; docs/getting-started.md says where to get it" if tool == "ptxas" else ""))
    wanted = [each for each in (read_plan(options.plan) if options.plan else plan.entries(options.target))
              if options.only in f"{each[0]} {find_subject(*each[:2]).title}"]
    if not wanted:
        raise BadInput(f"expected --only to be part of a problem's name, but none has '{options.only}' in it")
    options.folder.mkdir(parents=True, exist_ok=True)
    packer = Packer(options)
    entries = tuple(packer.entry(*each) for each in wanted)
    chosen = [each for each in INSTRUCTIONS.values() if options.target in each.targets] if options.instructions else []
    Package(options.folder, options.target, revision(), entries, tuple(map(packer.instruction, chosen))).write()
    print(f"{packer.count} kernels for {options.target} in {options.folder}")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the package is to be")
    parser.add_argument("--target", default="sm_90a", help="architecture of the cards")
    parser.add_argument("--only", default="", metavar="TEXT", help="only problems with this in their name, such as 'w4a8' or '22016x4096'")
    parser.add_argument("--code", default="cubin,ptx", help="kinds of code: cubin and ptx for a card, emulator for qllm-emu")
    parser.add_argument("--plan", type=Path, metavar="FILE", help="other problems than those of plan.py")
    parser.add_argument("--instructions", action="store_true", help="kernels for bench.py --golden as well")
    parser.add_argument("--toolkit", default="", metavar="FOLDER", help="whose bin has ptxas, if the path has not")
    try:
        return pack(parser.parse_args())
    except (BadInput, CompilerFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
