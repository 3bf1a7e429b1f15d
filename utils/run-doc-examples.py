#!/usr/bin/env python3
"""Runs every ```mlir example of the documentation through qllm-opt.

usage: run-doc-examples.py ROOT [--qllm-opt PATH]

Examples are the ```mlir blocks of the Markdown files and of the descriptions in .td files below ROOT (build trees
excepted). Each must parse, verify, and print and parse back to itself as text and as bytecode. Text that only looks
like MLIR belongs in a block without a language. A block whose first line is `// RUN: qllm-opt OPTIONS` runs with
those options instead.
"""

import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

BLOCK = re.compile(r"^[ \t]*```mlir[ \t]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"\s*// RUN: qllm-opt (.*)")


def documents(root):
    """Files that may hold examples, in a fixed order."""
    for pattern in ("*.md", "include/**/*.td", "test/lib/**/*.td", "docs/**/*.md", "lib/**/*.md", "demo/**/*.md"):
        yield from sorted(root.glob(pattern))


def examples(root):
    """(where, text) of every example; `where` is path:line of its first line."""
    for path in documents(root):
        text = path.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start(1)) + 1
            yield f"{path.relative_to(root)}:{line}", match.group(1)


def run(tool, example):
    """The complaint of the tool, or nothing."""
    where, text = example
    line = RUN.match(text)
    options = line.group(1).split() if line else ["-verify-roundtrip"]
    result = subprocess.run([tool, "-", *options], input=text, capture_output=True, text=True, check=False)
    return f"{where}: example does not run\n{result.stderr}" if result.returncode else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--qllm-opt", default="qllm-opt")
    arguments = parser.parse_args()

    found = list(examples(arguments.root))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        complaints = [c for c in pool.map(lambda example: run(arguments.qllm_opt, example), found) if c]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{len(found) - len(complaints)} of {len(found)} examples run")
    # Finding none means that the search is broken, not that all is well.
    sys.exit(1 if complaints or not found else 0)


main()
