# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models of every exporter give the results on the interpreter that ONNX Runtime gave when they were made."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
TRANSLATE = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")) / "bin" / "qllm-translate"
MODELS = sorted((ROOT / "test" / "Inputs" / "models").glob("*.onnx"))


def run(model: Path, inputs: dict, folder: Path, *options: str) -> dict:
    np.savez(folder / "in.npz", **inputs)
    command = [TRANSLATE, "--run", model, "--input", folder / "in.npz", "--output", folder / "out.npz", *options]
    subprocess.run([str(part) for part in command], check=True)
    with np.load(folder / "out.npz") as outputs:
        return dict(outputs)


def sample(model: Path, prefix: str) -> dict:
    with np.load(model.with_suffix(".npz")) as arrays:
        return {name[len(prefix):]: arrays[name] for name in arrays.files if name.startswith(prefix)}


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_same_results_as_onnx_runtime(model, tmp_path):
    outputs = run(model, sample(model, "in."), tmp_path)
    expected = sample(model, "out.")
    assert sorted(outputs) == sorted(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_same_bits_for_any_number_of_threads(tmp_path):
    model = ROOT / "test" / "Inputs" / "models" / "llama-dynamo-18.onnx"
    inputs = {"input_ids": np.arange(600, dtype=np.int64).reshape(2, 300) % 96}
    one, three = (run(model, inputs, tmp_path, "--run-threads", threads) for threads in ("1", "3"))
    np.testing.assert_array_equal(one["logits"], three["logits"])


def test_missing_input_is_named(tmp_path):
    model = ROOT / "test" / "Inputs" / "models" / "llama-dynamo-18.onnx"
    result = subprocess.run([str(TRANSLATE), "--run", str(model)], capture_output=True, text=True)
    assert result.returncode == 1
    assert "expected an input 'input_ids'" in result.stderr


def test_wrong_input_type_is_told(tmp_path):
    model = ROOT / "test" / "Inputs" / "models" / "llama-dynamo-18.onnx"
    np.save(tmp_path / "ids.npy", np.zeros((1, 3), np.float32))
    result = subprocess.run([str(TRANSLATE), "--run", str(model), "--input", f"input_ids={tmp_path / 'ids.npy'}"],
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert "for input 'input_ids', but got tensor<1x3xf32>" in result.stderr


def test_backend_suite_of_onnx():
    folder = ROOT / "integration" / "onnx"
    if TRANSLATE.parents[1].name == "asan":  # Python itself is not instrumented
        command = [sys.executable, str(folder / "interpreter_suite.py"), "--translate", str(TRANSLATE)]
    else:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(folder / "test_backend.py")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert result.returncode == 0, result.stdout[-3000:]
    # What is skipped has no kernel; nothing that passes may come to be skipped.
    assert re.search(r"\b1349 of 1350 node tests pass|\b1660 passed, 408 skipped", result.stdout), result.stdout[-300:]
