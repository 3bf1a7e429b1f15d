# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Roundings of kernels that numpy has no function for."""
import numpy as np


def fused_multiply_add(a, b, c) -> np.ndarray:
    """a * b + c of numbers that are f32, rounded to f32 once. The product is exact in f64; the sum is rounded to an odd last bit there, which no later
    rounding takes for the middle of two numbers (S. Boldo and G. Melquiond, Emulation of a FMA and correctly rounded sums, 2008)."""
    product, c = np.broadcast_arrays(np.asarray(a, np.float64) * np.asarray(b, np.float64), np.asarray(c, np.float64))
    total = product + c
    part = total - product
    rest = (product - (total - part)) + (c - part)
    is_even = total.view(np.int64) & 1 == 0
    odd = np.nextafter(total, np.copysign(np.inf, rest))
    return np.where(np.isfinite(total) & (rest != 0) & is_even, odd, total).astype(np.float32)
