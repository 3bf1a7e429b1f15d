#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Perplexity of an ONNX language model (input_ids -> logits) in ONNX Runtime: the independent figure beside `qllm eval`."""
import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import onnxruntime


def windows(tokens: np.ndarray, count: int, length: int) -> np.ndarray:
    """`count` windows at equal spacing, the rule of `qllm eval`."""
    step = (len(tokens) - length) // max(count - 1, 1)
    return np.stack([tokens[i * step : i * step + length] for i in range(count)])


def losses(logits: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of ids[1:], given logits [length, vocabulary]; in double, as sums of 511 terms are compared."""
    rows = logits[:-1].astype(np.float64)
    top = rows.max(-1)
    return np.log(np.exp(rows - top[:, None]).sum(-1)) + top - rows[np.arange(len(rows)), ids[1:]]


def make_session(model: Path, threads: int, accuracy_level: str = "0") -> onnxruntime.InferenceSession:
    """A CPU session. Level 0 keeps fp32 activations where weights are int4: ONNX Runtime's default (4) would quantize
    them to int8 behind the model's back."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", accuracy_level)
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def evaluate(session: onnxruntime.InferenceSession, chosen: np.ndarray) -> np.ndarray:
    """Mean loss of each window."""
    (name,) = [each.name for each in session.get_inputs()]
    return np.array([losses(session.run(["logits"], {name: ids[None]})[0][0], ids).mean() for ids in chosen])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--tokens", type=Path, required=True)
    parser.add_argument("--windows", type=int, default=24)
    parser.add_argument("--window-length", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--accuracy-level", default="0")
    options = parser.parse_args()
    chosen = windows(np.load(options.tokens), options.windows, options.window_length)
    start = time.monotonic()
    mean = evaluate(make_session(options.model, options.threads, options.accuracy_level), chosen)
    report = {"perplexity": math.exp(mean.mean()), "windows": options.windows, "seconds": time.monotonic() - start}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
