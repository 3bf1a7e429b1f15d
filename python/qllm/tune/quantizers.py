# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The quantizers of the recipe, straight through: rounding has derivative one, ranges are differentiated as they are."""
import torch

SMALLEST_SCALE, LARGEST_SCALE = 1e-8, 1e4


def straight_through_round(x: torch.Tensor) -> torch.Tensor:
    return (x.round() - x).detach() + x


def fake_quantize(x: torch.Tensor, bits: int) -> torch.Tensor:
    """Asymmetric min/max over the last axis: per token, per token and head, or per output channel. Zero is not forced into the range."""
    if bits >= 16:
        return x
    low, high = x.amin(-1, True), x.amax(-1, True)
    top = 2**bits - 1
    scale = ((high - low) / top).clamp(SMALLEST_SCALE, LARGEST_SCALE)
    zero = (-low / scale).round()
    return ((straight_through_round(x / scale) + zero).clamp(0, top) - zero) * scale
