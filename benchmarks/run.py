#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs every benchmark of this folder, one after the other, and stores what they print in docs/performance.md.

usage: benchmarks/run.py [--write docs/performance.md] [--python INTERPRETER_WITH_PEERS] [NAME…]

With names only their sections are written; those of others, and sections that no benchmark has, stay as they are. A benchmark is a script
whose documentation begins with one sentence that says what it measures. Those that compare with peers take --python.
"""
import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.append(str(ROOT / "utils"))

from provenance import OtherWork, machine, revision  # noqa: E402

BUSY = 0.2  # cores
HEAD = """# Performance

Sections with a command are written by `benchmarks/run.py --write docs/performance.md`; do not edit those. CPU seconds are user and system
time of all threads.
"""


def description(script: Path) -> str:
    """The first paragraph of the script's documentation."""
    return (ast.get_docstring(ast.parse(script.read_text())) or "").split("\n\n")[0].strip()


def section(script: Path, python: str) -> tuple:
    """Runs one benchmark; returns its part of the page and whether it met what it claims."""
    options = ["--python", python] if python and '"--python"' in script.read_text() else []
    print(f"{script.name} …", file=sys.stderr, flush=True)
    others = OtherWork()
    result = subprocess.run([sys.executable, script, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    shown = f"benchmarks/{script.name}" + (" --python PEERS" if options else "")
    where = f"Machine: {machine()}. Revision: {revision()}."
    if (busy := others.processors()) > BUSY:
        where += f"\n**Other work kept {busy:.1f} cores busy meanwhile, which makes times longer.**"
    text = f"## {script.stem}\n\n{description(script)}\n\n{where}\n\n```\n$ {shown}\n{result.stdout.rstrip()}\n```\n"
    if result.returncode != 0:
        text += f"\nThe benchmark ended with exit code {result.returncode}.\n"
    return text, result.returncode == 0


def merge(page: str, new: dict) -> str:
    """The page with new sections; benchmarks in the order of their names, then what else the page has."""
    old = {title: f"## {title}\n{text.rstrip()}\n" for title, text in re.findall(r"^## (.*)\n((?:(?!^## ).*\n?)*)", page, re.MULTILINE)}
    sections = {**old, **new}
    names = sorted(name for name in sections if (HERE / f"{name}.py").exists())
    return "\n".join([HEAD, *(sections[name] for name in [*names, *(each for each in sections if each not in names)])])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks to run, without .py; all unless given")
    parser.add_argument("--write", type=Path, metavar="FILE", help="store the page")
    parser.add_argument("--python", help="interpreter that has the peers")
    options = parser.parse_args()
    scripts = {each.stem: each for each in sorted(HERE.glob("*.py")) if each != Path(__file__).resolve()}
    unknown = [name for name in options.names if name not in scripts]
    if unknown:
        parser.error(f"expected benchmarks among {', '.join(scripts)}, but got '{unknown[0]}'")
    parts = {name: section(scripts[name], options.python) for name in options.names or scripts}
    old = options.write.read_text() if options.write and options.write.exists() else ""
    page = merge(old, {name: text for name, (text, _) in parts.items()})
    print(page)
    if options.write:
        options.write.write_text(page)
    return 0 if all(met for _, met in parts.values()) else 3


if __name__ == "__main__":
    sys.exit(main())
