#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Kernels of every family on every target, with the schedules that the compiler chooses, and how many of them spill registers by `ptxas`.

usage: benchmarks/spills.py [--every 1] [--targets sm_80,sm_90a] [--only FAMILY[,FAMILY]] [--forced COUNT]

Configurations are those of utils/kernel_sweep.py, every seventh of them, so that it takes some minutes, or all with --every 1 (an hour on
two cores); equal PTX is assembled once. To each family there are random kernels, as utils/fuzz-kernels.py draws them, whose schedules a
user could write (--forced says how many); those that a verifier refuses are counted. Claim: none spills; exit code 3 when one does.
"""
import argparse
import hashlib
import importlib
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

import kernel_sweep  # noqa: E402
from kernel_draws import FAMILIES as DRAWN  # noqa: E402
from kernel_draws import Draw  # noqa: E402
from kernel_text import objects  # noqa: E402

USED = importlib.import_module("kernel-report").USED
GEOMETRY = r"\{\w+ = #qk\.geometry<((?:[^<>]|<[^<>]*>)*)>"
REFUSAL = re.compile(r"error: 'qk\.\w+' op (.*)")
BATCH = 12  # configurations that one run of qllm-opt compiles


class ToolFailed(Exception):
    """qllm-opt or ptxas ended with an error that is no refusal; the text is its own."""


def forced(family: str, target: str, count: int):
    """Random configurations, with schedules that need not be those of the compiler."""
    name, first, draw_options, _ = DRAWN[family]
    script = importlib.import_module(name)
    for index in range(count):
        options = draw_options(Draw(1, index)) | dict(target=target)
        if script.__name__ == "run-attention":
            script, problem = kernel_sweep.attention_problem(options)
            text = {"append": lambda: script.append_operation(problem, *(problem.rows_of(problem.rows, problem.kv) for _ in range(2))),
                    "attention": lambda: script.attention_operation(problem, problem.rows_of(problem.rows, problem.heads))}[first[0]]()[0]
            yield kernel_sweep.words(options), text
        else:
            yield kernel_sweep.module_of(name, options)


def split_kernels(ptx: str) -> tuple:
    """What is in front of the kernels, and (name, text) of each."""
    header, *parts = re.split(r"^(?=\.visible \.entry )", re.sub(r"^\s*// \.globl.*\n", "", ptx.rstrip("\0"), flags=re.MULTILINE), flags=re.MULTILINE)
    return header, [(re.match(r"\.visible \.entry (\w+)\(", part)[1], part) for part in parts]


def geometries(text: str) -> list:
    """(kernel, how it is launched) of each kernel of a module, those for few rows before that for all others."""
    found = []
    for line in text.splitlines():
        found += re.findall(rf'kernel = "(\w+)", geometry = {GEOMETRY}', line) + re.findall(rf'qk\.launch "(\w+)".* geometry {GEOMETRY}', line)
    return found


class Assembler:
    """Bytes spilled by kernels, each of which is assembled once."""

    def __init__(self):
        self.spilled = {}  # by target and digest of the text without the name

    def assemble(self, target: str, header: str, kernels: list, folder: Path) -> dict:
        """Keys of the kernels in `spilled`, by their names."""
        keys, new = {}, {}
        for name, text in kernels:
            plain = re.sub(rf"\b{name}(?=_param_|\b)", "kernel", text)
            keys[name] = key = target, hashlib.sha256(plain.encode()).hexdigest()
            if key not in self.spilled:
                new[f"kernel_{key[1]}"] = key, re.sub(r"\bkernel(?=_param_|\b)", f"kernel_{key[1]}", plain)
        if not new:
            return keys
        source = folder / "kernels.ptx"
        source.write_text(header + "".join(text for _, text in new.values()))
        run = subprocess.run(["ptxas", "-v", f"-arch={target}", source, "-o", folder / "kernels.cubin"], capture_output=True, text=True, check=False)
        if run.returncode:
            raise ToolFailed(f"ptxas for {target}: {run.stderr.strip()}")
        for name, stores, loads, _ in USED.findall(run.stderr):
            self.spilled[new[name][0]] = int(stores) + int(loads)
        return keys


def compile_batch(assembler: Assembler, target: str, batch: list, more: str = "") -> tuple:
    """By the title of each configuration, the geometry of its kernels by their keys; and how many configurations a verifier refused."""
    texts = [re.sub(r"func\.func @\w+", f"func.func @case_{i}", text, count=1) for i, (_, text) in enumerate(batch)]
    command = ["qllm-opt", "-", "-split-input-file", f"--convert-qllm-to-kernel=targets={target} rows={','.join(map(str, kernel_sweep.ROWS))} {more}",
               f"--qllm-lower-to-nvvm=targets={target} format=ptx"]
    run = subprocess.run(command, input="\n// -----\n".join(texts), capture_output=True, text=True, check=False)
    errors = [line for line in run.stderr.splitlines() if "error: " in line]
    others = [line for line in errors if not REFUSAL.search(line)]
    if others or (run.returncode and not errors):
        raise ToolFailed("\n".join(others) or run.stderr.strip())
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for part in run.stdout.split("// -----"):
            for _, ptx in objects(part):
                title = batch[int(re.search(r"func\.func @case_(\d+)", part)[1])][0]
                keys = assembler.assemble(target, *split_kernels(ptx.decode()), Path(name))
                found[title] = {keys[kernel]: geometry for kernel, geometry in geometries(part) if kernel in keys}
    return found, len(errors)


def configurations(options):
    """(family, target, batch) of everything that is asked for."""
    for target in options.targets.split(","):
        for family, make in kernel_sweep.FAMILIES.items():
            if not options.only or family in options.only.split(","):
                cases = itertools.islice(make(target), 0, None, options.every)
                while batch := list(itertools.islice(cases, BATCH)):
                    yield family, target, batch
        for family in DRAWN if options.forced else ():
            if not options.only or family in options.only.split(","):
                cases = forced(family, target, options.forced)
                while batch := list(itertools.islice(cases, BATCH)):
                    yield f"forced {family}", target, batch


def report(family: str, target: str, results: list, assembler: Assembler) -> int:
    """Prints what there is of a family on a target, and what spills; returns how many kernels do."""
    found, refused = {}, 0
    for of_batch, refused_of_batch in results:
        found |= of_batch
        refused += refused_of_batch
    kernels = {key for keys in found.values() for key in keys}
    spilled = sorted(key for key in kernels if assembler.spilled[key])
    print(f"{family:24} {target:8} {len(found):14} {refused:8} {len(kernels):8} {len(spilled):6}", flush=True)
    for key in spilled:
        titles = [title for title, keys in found.items() if key in keys]
        more = f" and {len(titles) - 1} more" if titles[1:] else ""
        print(f"  {assembler.spilled[key]} bytes: {titles[0]}{more}, {found[titles[0]][key]}", flush=True)
    return len(spilled)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", default=",".join(kernel_sweep.TARGETS))
    parser.add_argument("--only", default="", metavar="FAMILY,..", help="all unless given")
    parser.add_argument("--every", type=int, default=7, metavar="N", help="every Nth configuration; 7 unless given, which meets all formats, groups and shapes")
    parser.add_argument("--forced", type=int, default=10, metavar="COUNT", help="of each family and target; 10 unless given")
    options = parser.parse_args()
    families = dict.fromkeys([*kernel_sweep.FAMILIES, *DRAWN])
    if unknown := [family for family in options.only.split(",") if family and family not in families]:
        parser.error(f"expected families among {', '.join(families)}, but got '{unknown[0]}'")
    if options.every < 1:
        parser.error(f"expected a step of at least 1 as --every, but got {options.every}")
    for tool in ("qllm-opt", "ptxas"):
        if not shutil.which(tool):
            print(f"error: expected {tool} on the path; docs/getting-started.md says where to get it", file=sys.stderr)
            return 1
    start, assembler, spilling = time.monotonic(), Assembler(), 0
    print(f"{'family':24} {'target':8} {'configurations':>14} {'refused':>8} {'kernels':>8} {'spill':>6}", flush=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        tasks = [(family, target, pool.submit(compile_batch, assembler, target, batch, kernel_sweep.OPTIONS.get(family, "")))
                 for family, target, batch in configurations(options)]
        for (family, target), each in itertools.groupby(tasks, key=lambda task: task[:2]):
            spilling += report(family, target, [task.result() for *_, task in each], assembler)
    print(f"{len(assembler.spilled)} kernels in {time.monotonic() - start:.0f} s")
    print(f"claim: no kernel spills: {f'NOT met by {spilling}' if spilling else 'met'}")
    return 3 if spilling else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ToolFailed as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(1)
