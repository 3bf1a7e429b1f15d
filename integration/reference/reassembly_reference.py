# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Channel reassembly as published (QLLM, arXiv 2310.08041, section 4.1) on numpy matrices: counts, pairs, layout, threshold search.

A reference that shares no code with the compiler. Activations are [tokens, channels], weights [outputs, channels]. Where the published
code and the paper differ, the code is followed, and `distance="paper"` gives the other form of the one that decides most.
"""
from dataclasses import dataclass
from typing import Callable

import numpy as np

from rtn_reference import fake_quantize

DISTANCES = ("code", "paper")


@dataclass
class Layout:
    """What becomes of the channels: split channel e is a copy of channel `channel[e]` and is averaged into slot `slot[e]`."""
    counts: np.ndarray  # copies of each channel
    channel: np.ndarray
    slot: np.ndarray
    slots: int

    def activation(self, x: np.ndarray) -> np.ndarray:
        """Splits x into equal parts, then averages the members of every slot."""
        parts = x[..., self.channel] / self.counts[self.channel].astype(x.dtype)
        return self._sums(parts) / np.bincount(self.slot, minlength=self.slots).astype(x.dtype)

    def weight(self, w: np.ndarray) -> np.ndarray:
        """Repeats columns for the copies, then sums the members of every slot."""
        return self._sums(w[..., self.channel])

    def _sums(self, parts: np.ndarray) -> np.ndarray:
        _, first = np.unique(self.slot, return_index=True)
        result = parts[..., first]
        for each in np.setdiff1d(np.arange(len(self.slot)), first):  # the few that share a slot
            result[..., self.slot[each]] += parts[..., each]
        return result


@dataclass
class Decision:
    """What the search found at one site. Pairs are (merged, kept) numbers of split channels, in the order of their scores."""
    threshold: float
    step: float
    counts: np.ndarray
    pairs: np.ndarray  # [added, 2]
    plain_error: float  # of quantization without reassembly
    error: float  # of the final layout
    tried: int

    @property
    def added(self) -> int:
        return len(self.pairs)


def disassembly_counts(reach: np.ndarray, threshold: float) -> np.ndarray:
    """T_j = max(1, ceil(max|x_j| / theta))."""
    return np.maximum(np.ceil(reach / np.float32(threshold)), 1).astype(np.int64)


def pair_scores(x: np.ndarray, w: np.ndarray, distance: str = "code") -> np.ndarray:
    """Cost of merging even channel 2 a with odd channel 2 b + 1 as element [a, b].

    code: (||x_i - x_j|| (sum_k w_ki + sum_k w_kj))^2; paper: ||(x_i - x_j)(w_i - w_j) / 2||^2, which is the error of the merge.
    """
    apart = _squared_distances(x)
    if distance == "paper":
        return apart * _squared_distances(w) / 4
    total = w.sum(0, dtype=np.float64)
    return apart * (total[::2, None] + total[None, 1::2]) ** 2


def _squared_distances(columns: np.ndarray) -> np.ndarray:
    columns = columns.astype(np.float64)
    even, odd = columns[:, ::2], columns[:, 1::2]
    squares = (even**2).sum(0)[:, None] + (odd**2).sum(0)[None] - 2 * even.T @ odd
    return np.maximum(squares, 0)


def choose_pairs(scores: np.ndarray, split: np.ndarray, count: int) -> np.ndarray:
    """Every even channel takes its cheapest odd one; the `count` cheapest edges merge. Channels that are split stay as they are."""
    scores = scores.copy()
    scores[split[::2]] = np.inf
    scores[:, split[1::2]] = np.inf
    partner = scores.argmin(1)
    chosen = np.argsort(scores[np.arange(len(scores)), partner], kind="stable")[:count]
    return np.stack([2 * chosen, 2 * partner[chosen] + 1], 1)


def make_layout(counts: np.ndarray, pairs: np.ndarray) -> Layout:
    """Splits first; the pairs number split channels."""
    channel = np.repeat(np.arange(len(counts)), counts)
    kept = np.ones(len(channel), bool)
    kept[pairs[:, 0]] = False
    into = np.arange(len(channel))
    into[pairs[:, 0]] = pairs[:, 1]
    return Layout(counts, channel, (np.cumsum(kept) - 1)[into], int(kept.sum()))


def merge_then_split(x: np.ndarray, w: np.ndarray, counts: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The layout of the published search: pairs number unsplit channels, splitting comes last."""
    merged = make_layout(np.ones(len(counts), np.int64), pairs)
    kept = np.ones(len(counts), bool)
    kept[pairs[:, 0]] = False
    split = make_layout(counts[kept], np.empty((0, 2), np.int64))
    return split.activation(merged.activation(x)), split.weight(merged.weight(w))


def merge_error(moments: np.ndarray, w: np.ndarray, i: int, j: int) -> float:
    """sum over tokens and outputs of the error that merging channels i and j makes: 1/4 (H_ii + H_jj - 2 H_ij) ||w_i - w_j||^2,
    with H = X^T X summed over the same tokens."""
    spread = moments[i, i] + moments[j, j] - 2 * moments[i, j]
    return float(spread * ((w[:, i] - w[:, j]) ** 2).sum() / 4)


def search(x: np.ndarray, w: np.ndarray, reach: np.ndarray, block: Callable, weight_bits: int, activation_bits: int,
           ratio: float = 0.2, distance: str = "code") -> Decision:
    """The published grid search. `x` holds the tokens of the search, `reach` the largest |x_j| over all of the calibration;
    `block(x, w)` is the function whose output must change least."""
    expected = block(x, w)

    def error(x_new, w_new):
        output = block(fake_quantize(x_new, activation_bits), fake_quantize(w_new, weight_bits))
        return float(np.square((output - expected).astype(np.float64)).mean())

    channels, scores = len(reach), pair_scores(x, w, distance)
    high, low = float(reach.max()), float(reach.min())
    steps = max(100, int(high / 0.5))
    step, limit = (high - low) / steps, int(channels * ratio)
    least, best, threshold, before, tried = 1e5, high, high, 0, 0
    for _ in range(steps):
        if threshold < low:
            break
        counts = disassembly_counts(reach, threshold)
        added = int(counts.sum()) - channels
        if added > limit:
            break
        if added != before:
            candidate = error(*merge_then_split(x, w, counts, choose_pairs(scores, counts > 1, added)))
            tried, before = tried + 1, added
            if candidate < least:
                least, best = candidate, threshold
        threshold -= step
    counts = disassembly_counts(reach, best)
    split = make_layout(counts, np.empty((0, 2), np.int64))
    pairs = choose_pairs(pair_scores(split.activation(x), split.weight(w), distance), (counts > 1)[split.channel],
                         int(counts.sum()) - channels)
    final = make_layout(counts, pairs)
    return Decision(best, step, counts, pairs, error(x, w), error(final.activation(x), final.weight(w)), tried)
