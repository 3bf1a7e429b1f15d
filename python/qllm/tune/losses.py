# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What training makes small, and which tokens count."""
import torch

SINK_RATIO = 20.0  # times the root mean square of the median token


def sink_tokens(target: torch.Tensor) -> torch.Tensor:
    """Tokens of massive activation, [tokens] of booleans. One such token outweighs a whole window in a plain mean."""
    size = target.pow(2).mean(-1).sqrt()
    return size > SINK_RATIO * size.median()


def distance(output: torch.Tensor, target: torch.Tensor, per_token: bool = False, skip_sinks: bool = False) -> torch.Tensor:
    """Mean squared error; per token: every token's squared error over its own energy, averaged."""
    if skip_sinks:
        kept = ~sink_tokens(target)
        output, target = output[kept], target[kept]
    square = (output - target).pow(2)
    if per_token:
        return (square.sum(-1) / target.pow(2).sum(-1).clamp(min=1e-12)).mean()
    return square.mean()
