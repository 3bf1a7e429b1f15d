# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The Python package as it lies in the build tree; import this before `qllm`."""

import os
import pathlib
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("QLLM_BUILD", ROOT / "build/release"))
PACKAGE = BUILD / "python"
MODELS = ROOT / "test" / "Inputs" / "models"
LLAMA = MODELS / "llama-dynamo-18.onnx"
# Token numbers of that model.
TOKENS = np.arange(2000) * 7919 % 96

if BUILD.name == "asan":
    pytest.skip("Python itself is not instrumented", allow_module_level=True)
sys.path.insert(0, str(PACKAGE))
