# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What tests of kernels take for quantized keys and values is what the format library makes of them, bit for bit."""

import pathlib
import sys

import format_probe as probe
import numpy as np
import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "utils"))

import kernel_attention  # noqa: E402


def rows():
    """Of every size and sign, zeros and rows of one value among them."""
    random = np.random.default_rng(0)
    values = random.standard_normal((300, 64)) * np.exp2(random.integers(-40, 40, (300, 1)))
    values[:100] += random.choice([-50.0, 50.0, 1e6], (100, 1)) * np.abs(values[:100]).max(-1, keepdims=True)
    values[100], values[101], values[102] = 0, 3, -1e-30
    values[103, 5:] = 0
    return values.astype(np.float32)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("asymmetric", [False, True])
def test_rows_as_the_library_quantizes(bits, asymmetric):
    values = rows()
    name = f"{'u' if asymmetric else ''}int{bits}"
    codes, scales, zeros = probe.quantize(probe.spec(name, symmetric=not asymmetric), values.reshape(-1), 64)
    found = kernel_attention.quantize(values, bits, asymmetric)
    # Signed codes have half of their range added in a cache.
    bias = 0 if asymmetric else 1 << bits - 1
    wanted = codes.reshape(values.shape) if asymmetric else codes.reshape(values.shape).view(np.int8)
    assert np.array_equal(found.scales.view(np.uint32), np.float32(scales).view(np.uint32))
    assert np.array_equal(found.zeros, np.float32(zeros if asymmetric else bias) + np.zeros_like(found.zeros))
    assert np.array_equal(found.codes.astype(int), wanted.astype(int) + bias)
