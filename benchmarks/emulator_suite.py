#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How many configurations of kernels the tests run on the emulator against the interpreter's formulas, and the seconds that takes.

usage: benchmarks/emulator_suite.py [--build build/release]

Runs the execution tests of test/Conversion/KernelToNVVM and counts in their logs what was executed: a configuration is a script with
different options than any other (the same with other data, schedules of threads or copies is none of its own), or a random case that was
right. Tests of
whole models are not among them. Claim: at least 300 in at most 5 minutes, all right; exit code 1 when it is not met.
"""
import argparse
import importlib.util
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LEAST, MOST_SECONDS = 300, 300
TESTS = r"KernelToNVVM/(.*execution|fuzz)\.test"
EXECUTED = re.compile(r"^# executed command: .*/(run-[\w-]+)\.py (.*)$", re.MULTILINE)
RANDOM = re.compile(r"^# \| \d+ cases: (\d+) right", re.MULTILINE)
# What is not part of a kernel or its problem.
OTHER = re.compile(r"^(data|draw|async|seed)=")


def run_tests(build: Path, filter_: str) -> dict:
    """What lit says of each test: name, code, output, elapsed."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as found:
        command = [sys.executable, "-c", "from lit.main import main; main()", "-q", "-a", "-o", found.name, f"--filter={filter_}", build / "test"]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        text = found.read()
    return json.loads(text)["tests"] if text else []


def configurations(output: str) -> tuple:
    """The different runs of scripts, and the number of random cases, that a test has executed."""
    runs = {(script, *(word for word in words.split()[1:] if not OTHER.match(word))) for script, words in EXECUTED.findall(output)}
    return runs, sum(map(int, RANDOM.findall(output)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--filter", default=TESTS, help="which tests, a regular expression")
    options = parser.parse_args()
    if not importlib.util.find_spec("lit"):
        print(f"error: expected a Python with lit, as './run setup' makes it, but got {sys.executable}", file=sys.stderr)
        return 1
    start = time.monotonic()
    tests = run_tests(options.build, options.filter)
    seconds = time.monotonic() - start
    if not tests:
        print(f"error: expected tests of the name '{options.filter}' in '{options.build}/test'", file=sys.stderr)
        return 1
    total, failed, known = 0, [], set()
    print(f"{'test':32} {'configurations':>14} {'seconds':>8}")
    for test in sorted(tests, key=lambda each: each["name"]):
        name = test["name"].rsplit("/", 1)[1]
        runs, random = configurations(test["output"])
        count = len(runs - known) + random
        known |= runs
        if test["code"] == "PASS":
            total += count
        else:
            failed.append(name)
        print(f"{name:32} {count:14} {test['elapsed']:8.1f}" + ("" if test["code"] == "PASS" else f"  {test['code']}"))
    met = total >= LEAST and seconds <= MOST_SECONDS and not failed
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{total} configurations in {seconds:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of CPU")
    print(f"claim: at least {LEAST} configurations in at most {MOST_SECONDS} s, all right: {'met' if met else 'NOT met'}"
          + (f"; failed: {', '.join(failed)}" if failed else ""))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
