# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The commands that pages of recipes and tools show, on a small model: a page whose example does not run fails here.

A block without a language whose lines all call qllm's tools is run line by line in a folder that holds `model.onnx`, the same as
`model.mlir`, an input of it as `sample.npy`, and tokens as `calib.npy`, `text.npy` and `eval.npy`. Blocks that read the real model below build/ are left to the results. The
tuner's line, and what follows it in its block, needs PyTorch.
"""
import importlib.util
import os
import pathlib
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

import outlier_model

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")).resolve() / "bin"
BLOCK = re.compile(r"^```[ \t]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
TUNER = ["python", "-m", "qllm.tune"]
TOOLS = ("qllm", "qllm-opt", "qllm-translate")


def commands(block):
    """The lines of a block as lists of words; nothing if it holds anything but commands."""
    lines = [shlex.split(line, comments=True) for line in block.replace("\\\n", " ").splitlines() if line.strip()]
    lines = [line for line in lines if line]
    known = all(line[0] in TOOLS or line[: len(TUNER)] == TUNER for line in lines)
    return [] if not known or "build/" in block else lines


def examples():
    for page in [*sorted((ROOT / "docs" / "recipes").glob("*.md")), *sorted((ROOT / "docs" / "tools").glob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        for match in BLOCK.finditer(text):
            try:
                lines = commands(match.group(1))
            except ValueError:  # unbalanced quotes: prose, not commands
                continue
            if lines:
                yield pytest.param(lines, id=f"{page.stem}:{text.count(chr(10), 0, match.start()) + 1}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("examples")
    outlier_model.write_model(place / "model.onnx", 2)
    for seed, name in enumerate(("calib", "text", "eval")):
        outlier_model.write_tokens(place / f"{name}.npy", 13000, seed)
    run(["qllm-translate", "--import-onnx", "model.onnx", "-o", "model.mlir"], place)
    np.save(place / "sample.npy", np.load(place / "text.npy")[None, :8])
    return place


def run(words, place):
    program = [sys.executable, *words[1:]] if words[0] == "python" else [str(BIN / words[0]), *words[1:]]
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "python"))
    result = subprocess.run(program, cwd=place, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert result.returncode == 0, f"{shlex.join(words)}\n{result.stderr[:2000]}"


@pytest.mark.parametrize("lines", list(examples()))
def test_example_runs(lines, folder):
    for words in lines:
        if words[: len(TUNER)] == TUNER and importlib.util.find_spec("torch") is None:
            pytest.skip("the rest of this example needs PyTorch")
        run(words, folder)


def test_what_is_an_example():
    assert commands("qllm quantize a.onnx \\\n  -o b\nqllm-opt c.mlir\n") == [["qllm", "quantize", "a.onnx", "-o", "b"], ["qllm-opt", "c.mlir"]]
    assert commands("y = x W\n") == []
    assert commands("qllm quantize build/demo/smollm2.onnx -o b\n") == []
    assert len(list(examples())) > 0
