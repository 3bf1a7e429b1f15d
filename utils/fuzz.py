#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs the fuzz targets of a build, one after the other, and exits with 1 if one of them found anything.

    cmake --preset asan && ninja -C build/asan fuzzers && python utils/fuzz.py build/asan --seconds 300

What is found lies in BUILD/finds; each find becomes a test and leaves that folder.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

import sanitizers

SOURCE = pathlib.Path(__file__).resolve().parent.parent
KINDS = ["onnx", "text", "bytecode", "numpy", "safetensors", "recipe", "launch"]


def run(build, kind, seconds):
    finds, corpus = build / "finds", build / "corpus" / kind
    for folder in (finds, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | sanitizers.ENVIRONMENT
    with tempfile.TemporaryDirectory() as empty:
        result = subprocess.run([build / "bin" / f"fuzz-{kind}", f"-max_total_time={seconds}", "-timeout=20", "-rss_limit_mb=4096",
                                 "-print_final_stats=1", f"-dict={SOURCE}/fuzz/dictionaries/{kind}.dict",
                                 f"-artifact_prefix={finds}/{kind}-", corpus], cwd=empty, env=environment, check=False,
                                capture_output=True, text=True, errors="replace")
    runs = [line for line in result.stderr.splitlines() if "number_of_executed_units" in line]
    print(f"{kind}: exit {result.returncode}, {runs[0].split()[-1] if runs else '?'} runs", flush=True)
    if result.returncode:
        lines = result.stderr.splitlines()
        start = next((number for number, line in enumerate(lines) if "ERROR: " in line or "runtime error: " in line), len(lines) - 40)
        print("\n".join(lines[max(0, start):start + 40]))
    return result.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--tools", type=pathlib.Path, default=SOURCE / "build/release/bin", help="where qllm-opt and qllm-translate are, for seeds")
    parser.add_argument("kinds", nargs="*", default=[], help=f"of {', '.join(KINDS)}; without any, those that are built")
    options = parser.parse_intermixed_args()
    build = options.build.resolve()
    kinds = options.kinds or [kind for kind in KINDS if (build / "bin" / f"fuzz-{kind}").exists()]
    if not kinds:
        sys.exit(f"expected fuzz targets in {build}/bin, but found none")
    subprocess.run([sys.executable, SOURCE / "fuzz/seeds.py", build / "corpus", options.tools, *kinds], check=True)
    sys.exit(0 if all([run(build, kind, options.seconds) for kind in kinds]) else 1)


main()
