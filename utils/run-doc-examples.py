#!/usr/bin/env python3
"""Runs every ```mlir example of the documentation through qllm-opt.

usage: run-doc-examples.py ROOT [--qllm-opt PATH]

Examples are the ```mlir blocks of the Markdown files and of the descriptions in .td files below ROOT (build trees
excepted). Each must parse, verify, and print and parse back to itself as text and as bytecode. Text that only looks
like MLIR belongs in a block without a language. A block whose first line is `// RUN: qllm-opt OPTIONS` runs with
those options instead; when the word `becomes` and another block follow, that block is what must come out. A line
`// DATA: NAME.npy SHAPE` gives the run a file of normally distributed numbers, shape as in 6x5x4.
"""

import argparse
import concurrent.futures
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

import numpy as np

BLOCK = re.compile(r"^[ \t]*```mlir[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"\s*// RUN: qllm-opt (.*)")
DATA = re.compile(r"^\s*// DATA: (\S+\.npy) (\d+(?:x\d+)*)$", re.MULTILINE)


def documents(root):
    """Files that may hold examples, in a fixed order."""
    for pattern in ("*.md", "include/**/*.td", "test/lib/**/*.td", "docs/**/*.md", "lib/**/*.md", "demo/**/*.md"):
        yield from sorted(root.glob(pattern))


def examples(root):
    """(where, text, expected) of every example: path:line of its first line, and the block it becomes or nothing."""
    for path in documents(root):
        text = path.read_text(encoding="utf-8")
        blocks = list(BLOCK.finditer(text))
        for match, following in zip(blocks, blocks[1:] + [None]):
            line = text.count("\n", 0, match.start(1)) + 1
            becomes = following and text[match.end():following.start()].strip() == "becomes"
            yield f"{path.relative_to(root)}:{line}", match.group(1), following.group(1) if becomes else None


def invoke(tool, text, options):
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in DATA.findall(text):
            values = np.random.default_rng(0).standard_normal([int(size) for size in shape.split("x")], np.float32)
            np.save(pathlib.Path(folder) / name, values)
        return subprocess.run([tool, "-", *options], input=text, capture_output=True, text=True, check=False, cwd=folder)


def run(tool, example):
    """What is wrong with an example, or nothing."""
    where, text, expected = example
    line = RUN.match(text)
    result = invoke(tool, text, shlex.split(line.group(1)) if line else ["-verify-roundtrip"])
    if result.returncode:
        return f"{where}: example does not run\n{result.stderr}"
    # Both printed by the tool, so that only meaning counts, not layout.
    if expected and result.stdout != invoke(tool, expected, []).stdout:
        return f"{where}: example becomes something else\n{result.stdout}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--qllm-opt", default="qllm-opt")
    arguments = parser.parse_args()

    tool = shutil.which(arguments.qllm_opt)
    if tool is None:
        parser.error(f"{arguments.qllm_opt} was not found")
    tool = str(pathlib.Path(tool).resolve())
    found = list(examples(arguments.root.resolve()))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        complaints = [c for c in pool.map(lambda example: run(tool, example), found) if c]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{len(found) - len(complaints)} of {len(found)} examples run")
    # Finding none means that the search is broken, not that all is well.
    sys.exit(1 if complaints or not found else 0)


main()
