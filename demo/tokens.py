#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Turns the texts into token files with the tokenizer that a GGUF file carries in its metadata.

A token file is one flat int64 array of a whole text. `windows` takes equally spaced windows out of it; `qllm eval` uses
the same rule.
"""
import sys
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

CALIBRATION_WINDOWS, CALIBRATION_LENGTH = 16, 256
EVALUATION_WINDOWS, EVALUATION_LENGTH = 24, 512


def load_tokenizer(model: Path) -> Tokenizer:
    """The byte-level BPE of `model`. It adds no begin-of-text token."""
    reader = gguf.GGUFReader(model)
    kind = reader.get_field("tokenizer.ggml.model").contents()
    if kind != "gpt2":
        raise SystemExit(f"expected a byte-level BPE tokenizer ('gpt2') in '{model}', but got '{kind}'")
    words = reader.get_field("tokenizer.ggml.tokens").contents()
    merges = [tuple(pair.split(" ")) for pair in reader.get_field("tokenizer.ggml.merges").contents()]
    tokenizer = Tokenizer(models.BPE({word: index for index, word in enumerate(words)}, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def windows(tokens: np.ndarray, count: int, length: int) -> np.ndarray:
    """`count` windows of `length` tokens at equal spacing, the first at the start of `tokens`."""
    if len(tokens) < length:
        raise SystemExit(f"expected at least {length} tokens, but got {len(tokens)}")
    step = (len(tokens) - length) // max(count - 1, 1)
    return np.stack([tokens[i * step : i * step + length] for i in range(count)])


def make_tokens(model: Path, texts: dict, folder: Path) -> dict:
    """Writes calib.npy and eval.npy (flat) and the windows used of them; returns the flat files' paths by name."""
    paths = {name: folder / f"{name}.npy" for name in texts}
    if all(path.exists() for path in paths.values()):
        return paths
    tokenizer = load_tokenizer(model)
    shapes = {"calib": (CALIBRATION_WINDOWS, CALIBRATION_LENGTH), "eval": (EVALUATION_WINDOWS, EVALUATION_LENGTH)}
    for name, text in texts.items():
        ids = tokenizer.encode(text.read_text(encoding="utf-8"), add_special_tokens=False).ids
        flat = np.array(ids, np.int64)
        count, length = shapes[name]
        np.save(folder / f"{name}-{count}x{length}.npy", windows(flat, count, length))
        np.save(paths[name], flat)
        print(f"{name}: {len(flat)} tokens", file=sys.stderr)
    return paths


if __name__ == "__main__":
    folder = Path(sys.argv[2])
    for path in make_tokens(Path(sys.argv[1]), {n: folder / f"{n}.txt" for n in ("calib", "eval")}, folder).values():
        print(path)
