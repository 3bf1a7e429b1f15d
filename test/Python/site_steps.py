# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizers, GPTQ and whole sites against their formulas written in NumPy (docs/steps.md)."""

import ml_dtypes
import numpy as np
import pytest
import site_probe as probe

FORMATS = {"int4": (probe.integer(4), 0), "int3 symmetric": (probe.integer(3, symmetric=True), 0), "int4 g16": (probe.integer(4, group=16), 16),
           "nvfp4": (probe.nvfp4(), 16), "mxfp4": (probe.mxfp4(), 32)}


def samples(tokens=256, channels=64, rows=24, seed=0):
    """Tokens with a mean, a few strong directions and channels of different size; a weight."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((tokens, channels)) + random.standard_normal((tokens, 4)) @ random.standard_normal((4, channels))
    x = (x + random.standard_normal(channels)) * np.where(np.arange(channels) % 13 == 5, 8, 1)
    return x.astype(np.float32), random.standard_normal((rows, channels)).astype(np.float32)


class Quantizer:
    """Scales for groups of the last axis and rounding by them, as `wscales` and `fq` of the design write them."""

    def __init__(self, name, values):
        self.name, form = name, FORMATS[name][0]
        self.asymmetric, self.float = not form.symmetric, form.element == b"e2m1"
        self.steps = np.float32(15 if self.asymmetric else 3)
        self.tensor = np.float32(np.abs(values).max() / np.float32(6 * 448)) if name == "nvfp4" else np.float32(1)

    def parameters(self, groups, ratio):
        ratio = np.float32(ratio)
        if self.asymmetric:
            low, high = groups.min(-1, keepdims=True) * ratio, groups.max(-1, keepdims=True) * ratio
            scale = (high - low) / self.steps
            return scale, np.rint(-low / scale)
        largest = np.abs(groups).max(-1, keepdims=True) * ratio
        if self.name == "mxfp4":
            return np.exp2(np.floor(np.log2(largest)) - 2).astype(np.float32), None
        if self.name == "nvfp4":
            stored = np.minimum(largest / np.float32(6) / self.tensor, 448).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
            return np.maximum(stored, np.float32(2.0 ** -9)) * self.tensor, None
        return largest / self.steps, None

    def round(self, values, scale, zero):
        if self.float:
            return (values / scale).astype(ml_dtypes.float4_e2m1fn).astype(np.float32) * scale
        if zero is None:
            return np.clip(np.rint(values / scale), -self.steps - 1, self.steps) * scale
        return (np.clip(np.rint(values / scale) + zero, 0, self.steps) - zero) * scale

    def choose(self, groups, weights=None):
        """The ratio with the least weighted squared error, group by group."""
        ratios = [1.5, 1.25, .9, .8, .7] if self.float else [1 - .04 * i for i in range(1, 13)]
        scale, zero = self.parameters(groups, 1)
        weights = np.float32(1) if weights is None else weights
        best = ((self.round(groups, scale, zero) - groups) ** 2 * weights).sum(-1, keepdims=True)
        for ratio in ratios:
            other, other_zero = self.parameters(groups, ratio)
            error = ((self.round(groups, other, other_zero) - groups) ** 2 * weights).sum(-1, keepdims=True)
            scale = np.where(error < best, other, scale)
            zero = None if zero is None else np.where(error < best, other_zero, zero)
            best = np.minimum(best, error)
        return scale, zero


def grouped(name, values):
    return values.reshape(len(values), -1, FORMATS[name][1] or values.shape[1])


def gptq(weight, hessian, name, damp=0.01, weights=None):
    """Algorithm 1 of arXiv 2210.17323 with columns in the order of falling H_jj, in double, one column at a time."""
    quantizer, groups = Quantizer(name, weight), grouped(name, weight)
    scale, zero = quantizer.choose(groups, weights)
    order = np.argsort(-np.diag(hessian), kind="stable")
    damped = hessian[order][:, order] + damp * np.diag(hessian).mean() * np.eye(len(hessian))
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, rounded = weight[:, order].astype(np.float64), np.empty_like(weight)
    for i, column in enumerate(order):
        group = column // groups.shape[2]
        values = left[:, i:i + 1].astype(np.float32)
        rounded[:, column] = quantizer.round(values, scale[:, group], None if zero is None else zero[:, group])[:, 0]
        error = (left[:, i] - rounded[:, column]) / upper[i, i]
        left[:, i + 1:] -= np.outer(error, upper[i, i + 1:])
    return rounded


def output_error(x, a, b):
    return float((((a - b).astype(np.float64) @ x.T.astype(np.float64)) ** 2).sum())


def quantize_tokens(x, bits=4, clip=1.0, parts=None, offsets=False):
    """The asymmetric quantizer of tokens whose channel j is carried by parts[j] copies (`fqT` of the design)."""
    parts = np.ones(x.shape[1], np.float32) if parts is None else np.asarray(parts, np.float32)
    y, n, clip = x / parts, np.float32(2 ** bits - 1), np.float32(clip)
    low, high = y.min(-1, keepdims=True) * clip, y.max(-1, keepdims=True) * clip
    scale = (high - low) / n
    zero = np.rint(-low / scale)
    if offsets:
        return np.clip(np.rint(x / scale), -zero * parts, (n - zero) * parts) * scale
    return (np.clip(np.rint(y / scale) + zero, 0, n) - zero) * scale * parts


@pytest.mark.parametrize("offsets", [False, True])
@pytest.mark.parametrize("clip", [1.0, 0.85])
def test_tokens_with_split_channels(offsets, clip):
    x, _ = samples()
    parts = 1 + np.arange(x.shape[1]) % 5 * (np.arange(x.shape[1]) % 3)
    ours = probe.quantize_input(x, probe.integer(4), parts, offsets, clip)
    wanted = quantize_tokens(x, 4, clip, parts, offsets)
    # x / T / s + o and x / s differ in the last bit, which may decide a tie.
    apart = np.abs(ours - wanted) > 1e-4 * np.abs(x).max()
    assert apart.mean() < 1e-4


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("method", ["minmax", "mse", "hessian"])
def test_ranges_and_nearest(name, method):
    x, weight = samples()
    ours, _ = probe.site(f"range{{method={method}}},round{{method=nearest}}", x, weight, FORMATS[name][0], probe.floats())
    quantizer, groups = Quantizer(name, weight), grouped(name, weight)
    weights = np.diag(x.T @ x).reshape(1, -1, groups.shape[2]) if method == "hessian" else None
    scale, zero = quantizer.parameters(groups, 1) if method == "minmax" else quantizer.choose(groups, weights)
    wanted = quantizer.round(groups, scale, zero).reshape(weight.shape)
    # Two ratios of the grid may be equally good up to the last bit.
    assert (np.abs(ours - wanted) > 1e-5).mean() < 0.02
    assert np.isclose(((ours - weight) ** 2).sum(), ((wanted - weight) ** 2).sum(), rtol=1e-3)


@pytest.mark.parametrize("name", FORMATS)
def test_gptq(name):
    x, weight = samples()
    ours, _ = probe.site("range{method=mse},round", x, weight, FORMATS[name][0], probe.floats())
    wanted = gptq(weight, (x.T @ x).astype(np.float64), name)
    assert (np.abs(ours - wanted) > 1e-5).mean() < 0.02
    assert np.isclose(output_error(x, ours, weight), output_error(x, wanted, weight), rtol=0.02)
    nearest, _ = probe.site("range{method=mse},round{method=nearest}", x, weight, FORMATS[name][0], probe.floats())
    assert output_error(x, ours, weight) < 0.9 * output_error(x, nearest, weight)


def test_a_whole_site():
    """Mean, split with offsets, clip, local target, GPTQ and bias refit, in the order of the design."""
    x, weight = samples(tokens=512)
    parts = np.where(np.arange(x.shape[1]) % 13 == 5, 4, 1)
    steps = "mean,clip{ratio=0.9},target{kind=local ridge=0.01},range{method=mse},round{method=gptq damp=0.01},refit"
    ours, output = probe.site(steps, x, weight, probe.integer(4), probe.integer(4), parts)

    mean = x.mean(0, dtype=np.float64).astype(np.float32)
    residual = x - mean
    rounded = quantize_tokens(residual, 4, 0.9, np.ones(x.shape[1]), False)
    hessian = rounded.T.astype(np.float64) @ rounded
    ridge = hessian + 0.01 * np.diag(hessian).mean() * np.eye(len(hessian))
    target = weight + np.linalg.solve(ridge, rounded.T.astype(np.float64) @ ((residual - rounded) @ weight.T)).T
    wanted = gptq(target.astype(np.float32), hessian, "int4")
    bias = weight @ mean + (residual @ weight.T - rounded @ wanted.T).mean(0)
    reference = rounded @ wanted.T + bias
    exact = x @ weight.T
    assert (np.abs(ours - wanted) > 1e-4).mean() < 0.05
    assert np.isclose(((output - exact) ** 2).sum(), ((reference - exact) ** 2).sum(), rtol=0.02)


def test_threads_do_not_change_bytes():
    x, weight = samples()
    steps = "mean,principal{rank=4},target,range,round,low-rank{rank=3 iterations=2 bits=8},refit"
    first = probe.site(steps, x, weight, probe.integer(4), probe.integer(4))
    for threads in (2, 3):
        again = probe.site(steps, x, weight, probe.integer(4), probe.integer(4), threads=threads)
        assert all(np.array_equal(a, b) for a, b in zip(first, again))


def test_failures_are_errors():
    x, weight = samples()
    x[3, 7] = np.nan
    for steps in ("round", "target", "principal{rank=2}", "low-rank{method=eora rank=2}"):
        with pytest.raises(ValueError, match="expected finite values"):
            probe.site(steps, x, weight, probe.integer(4), probe.integer(4))
