# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The stub of the native module says what the module has: `python utils/gen-stubs.py` writes it."""

import inspect
import subprocess
import sys

import package
import pytest

import qllm
from qllm import arrays, backend, model


def test_the_stub_is_that_of_the_module():
    result = subprocess.run([sys.executable, package.ROOT / "utils/gen-stubs.py", package.PACKAGE, "--check"], capture_output=True, text=True,
                            check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("module", [model, backend, arrays], ids=lambda m: m.__name__)
def test_everything_public_is_annotated(module):
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and not name.startswith("_"):
            signature = inspect.signature(function)
            assert signature.return_annotation is not inspect.Signature.empty, name
            assert all(p.annotation is not inspect.Parameter.empty for p in signature.parameters.values()), name
            assert module is backend or module is arrays or function.__doc__, name


def test_names_of_the_package():
    assert all(getattr(qllm, name) is not None for name in qllm.__all__) and set(qllm.__all__) <= set(dir(qllm))
    assert qllm.__version__ == "0.1.0"
    with pytest.raises(AttributeError, match="module 'qllm' has no attribute 'quantise'"):
        qllm.quantise
