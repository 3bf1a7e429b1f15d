#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes python/qllm/_qllm.pyi, the types of the native module, or checks it.

usage: gen-stubs.py PACKAGES [--check]

PACKAGES is the folder that holds the built package: build/release/python.
"""

import argparse
import importlib
import pathlib
import sys

from nanobind.stubgen import StubGen

STUB = pathlib.Path(__file__).resolve().parents[1] / "python" / "qllm" / "_qllm.pyi"
BANNER = "# Written by utils/gen-stubs.py.\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=pathlib.Path)
    parser.add_argument("--check", action="store_true", help="fail if the file is another")
    arguments = parser.parse_args()
    sys.path.insert(0, str(arguments.packages.resolve()))
    module = importlib.import_module("qllm._qllm")
    generator = StubGen(module)
    generator.put(module)
    text = BANNER + generator.get()
    if not arguments.check:
        STUB.write_text(text)
    elif not STUB.exists() or STUB.read_text() != text:
        sys.exit(f"{STUB} does not describe the module; write it with: python utils/gen-stubs.py {arguments.packages}")


main()
