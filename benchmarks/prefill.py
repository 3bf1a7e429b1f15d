#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A prefill of 512 tokens of SmolLM2-135M in fp32: the interpreter beside ONNX Runtime, at the same number of threads.

Claim: at most 1.5 times ONNX Runtime's time, and a peak of at most the mapped weights + 400 MB. Both take turns, several runs each after
one to warm up, and the medians are compared, so that load from elsewhere falls on both.
"""
import argparse
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

from measure import exit_with, measure  # noqa: E402

MOST_RATIO, MOST_EXTRA = 1.5, 400_000_000


def ours(options, tokens: Path, runs: int) -> tuple:
    """Seconds of each run but the first, and the peak of the process."""
    cost = measure([options.bin / "qllm-translate", "--run", options.model, "--input", f"input_ids={tokens}", "--run-threads",
                    str(options.threads), "--run-repeat", str(runs + 1)])
    return [float(text) for text in re.findall(r"^run \d+: ([\d.]+) s$", cost.output, re.M)][1:], cost.peak


def theirs(session, tokens: np.ndarray, runs: int) -> list:
    seconds = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        session.run(None, {"input_ids": tokens})
        seconds.append(time.perf_counter() - start)
    return seconds[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "build/demo/smollm2.onnx")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--length", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3, help="runs of each a round")
    options = parser.parse_args()
    if not options.model.exists():
        print(f"error: expected the model at '{options.model}'; './run demo --prepare-only' makes it", file=sys.stderr)
        return 1
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(options.model), settings, providers=["CPUExecutionProvider"])
    # Any tokens cost the same.
    tokens = np.random.default_rng(0).integers(0, 49152, (1, options.length), dtype=np.int64)
    own, peer, peak = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "tokens.npy", tokens)
        for _ in range(options.rounds):
            seconds, most = ours(options, Path(folder) / "tokens.npy", options.runs)
            own, peak = own + seconds, max(peak, most)
            peer += theirs(session, tokens, options.runs)
    weights = sum(each.stat().st_size for each in options.model.parent.glob(options.model.name + "*"))
    ratio = statistics.median(own) / statistics.median(peer)
    print(f"{'':16} {'median s':>9} {'fastest s':>10}")
    for name, seconds in (("qllm", own), ("onnxruntime", peer)):
        print(f"{name:16} {statistics.median(seconds):9.3f} {min(seconds):10.3f}")
    print(f"ratio {ratio:.2f}; peak {peak / 1e6:.0f} MB, mapped weights {weights / 1e6:.0f} MB, the rest {(peak - weights) / 1e6:.0f} MB")
    met = ratio <= MOST_RATIO and peak - weights <= MOST_EXTRA
    print(f"claim: a ratio of at most {MOST_RATIO} and at most {MOST_EXTRA / 1e6:.0f} MB beside the weights: {'met' if met else 'NOT met'}")
    return 0 if met else 3


if __name__ == "__main__":
    exit_with(main)
