#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Makes the first corpus of every fuzz target out of the tests' models and texts.

usage: seeds.py CORPUS TOOLS KIND...   (TOOLS: the folder of qllm-opt and qllm-translate, for bytecode and models)
"""

import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parent.parent
LARGEST = 64 << 10  # a larger seed makes each run slow


def texts():
    for path in sorted((SOURCE / "test").rglob("*.mlir")):
        for part in path.read_text().split("// -----"):
            lines = [line for line in part.splitlines() if not line.lstrip().startswith("//")]
            if any(lines):
                yield "\n".join(lines).encode()


def bytecode(tools):
    for text in texts():
        result = subprocess.run([tools / "qllm-opt", "--emit-bytecode"], input=text, capture_output=True, check=False)
        if result.returncode == 0:
            yield result.stdout


def models(tools):
    """The tests' models are large; what their texts export to is small."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "seed.onnx"
        for text in texts():
            if b"onnx." not in text:
                continue
            result = subprocess.run([tools / "qllm-translate", "--export-onnx", "-", "-o", path, "--external-data=never"], input=text,
                                    capture_output=True, check=False)
            if result.returncode == 0:
                yield path.read_bytes()


def recipes():
    for path in sorted((SOURCE / "test").rglob("*.mlir")):
        for flag in re.findall(r"--(qllm-[a-z-]+(?:=\"[^\"]*\")?)", path.read_text()):
            name, _, options = flag.partition("=")
            yield (name + (f"{{{options.strip(chr(34))}}}" if options else "")).encode()


def launches():
    """They are parts of the emulator's tests."""
    for path in sorted((SOURCE / "test/Emulator").rglob("*.mlir")):
        for part in re.split(r"^//--- .*$", path.read_text(), flags=re.MULTILINE):
            if part.strip().startswith("{"):
                yield part.strip().encode()


def safetensors():
    """One of a matrix of tokens, one of two tensors with metadata and odd shapes."""
    headers = [{"tokens": {"dtype": "I64", "shape": [2, 3], "data_offsets": [0, 48]}},
               {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]},
                "b": {"dtype": "BF16", "shape": [3, 0], "data_offsets": [4, 4]}}]
    for header, size in zip(headers, (48, 4)):
        text = json.dumps(header).encode()
        yield struct.pack("<Q", len(text)) + text + bytes(size)


def files(pattern):
    return (path.read_bytes() for path in sorted((SOURCE / "test").rglob(pattern)))


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    corpus, tools = map(pathlib.Path, sys.argv[1:3])
    makers = {"onnx": lambda: models(tools), "text": texts, "bytecode": lambda: bytecode(tools), "numpy": lambda: files("*.npz"),
              "safetensors": safetensors, "recipe": recipes, "launch": launches}
    for kind in sys.argv[3:]:
        folder = corpus / kind
        folder.mkdir(parents=True, exist_ok=True)
        seeds = sorted({seed for seed in makers[kind]() if len(seed) <= LARGEST})
        for number, seed in enumerate(seeds):
            (folder / f"seed{number}").write_bytes(seed)
        print(f"{kind}: {len(seeds)} seeds", flush=True)


main()
