# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every exporter's decoder is quantized in full: linears, and queries, keys and values, whatever their spelling."""

import os
import pathlib
import subprocess

import pytest

BIN = pathlib.Path(os.environ["QLLM_BUILD"]) / "bin"
MODELS = pathlib.Path(__file__).resolve().parents[1] / "Inputs" / "models"


@pytest.mark.parametrize("model", sorted(MODELS.glob("llama-*.onnx")), ids=lambda path: path.stem)
def test_nothing_is_skipped(model, tmp_path):
    command = [BIN / "qllm", "quantize", model, "--weight-bits=4", "--activation-bits=8", "--kv-bits=8", "-o", tmp_path / "out"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    # Exit code 3 would mean that something was left as it was.
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "model.mlirbc").exists()
    # Two layers with a query, a key and a value each.
    assert "6 attention operands quantized" in result.stdout
