#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The main job on a real model: fetches SmolLM2-135M-Instruct, writes it as ONNX, quantizes it with `qllm quantize`,
evaluates it with `qllm eval`, and prints a table. `./run demo` builds the tools and calls this.

Every step is skipped when an earlier run has finished it, except the measured ones. Exit codes: 0 done, 1 a step failed, 3 a
perplexity is further from its reference than the row allows.
"""
import argparse
import json
import math
import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "utils"))

import fetch  # noqa: E402
import gguf_to_onnx  # noqa: E402
import report  # noqa: E402
import texts  # noqa: E402
import tokens  # noqa: E402
from measure import CommandFailed, exit_with, measure  # noqa: E402

WINDOWS, LENGTH = 24, 512


@dataclass(frozen=True)
class Row:
    """One line of the table. `reference` is the perplexity that an independent implementation (PyTorch) gave for the same conventions,
    on the windows for which `subset` holds; `tolerance` is how far ours may be from it."""

    name: str
    weight: int
    activation: int
    kv: int
    reference: float = None
    tolerance: float = None

    @property
    def quantized(self) -> bool:
        return min(self.weight, self.activation, self.kv) < 16

    def command_options(self) -> list:
        """RTN with one asymmetric scale per output channel. Never in groups of 32: the weights of this file were
        rounded in groups of 32 before, and the same grid again would cost nothing and prove nothing."""
        bits = {"weight-bits": self.weight, "activation-bits": self.activation, "kv-bits": self.kv}
        return ["--recipe", "rtn", "--granularity=channel"] + [f"--{name}={value}" for name, value in bits.items()]


ROWS = [
    Row("FP32", 16, 16, 16, 18.16, 0.01),
    Row("RTN W8A8", 8, 8, 8, 18.40, 0.01),
    Row("RTN W6A6", 6, 6, 6, 22.62, 0.02),
    Row("RTN W4A8", 4, 8, 8, 32.44, 0.05),
    Row("RTN W4A4", 4, 4, 4, 1895.64),  # so far from the model that no tolerance means anything
    Row("RTN W4A16", 4, 16, 16),
]


def in_subset(index: int) -> bool:
    """The references were taken on 16 of the 24 windows."""
    return index % 3 < 2


def prepare(folder: Path) -> dict:
    """Downloads and converts what is not there yet; returns the paths of the model and the token files."""
    folder.mkdir(parents=True, exist_ok=True)
    gguf = fetch.fetch(fetch.MODEL, folder)
    model = gguf_to_onnx.convert(gguf, folder / "smollm2.onnx")
    dump = fetch.fetch(fetch.WIKIPEDIA, folder)
    return {"model": model, **tokens.make_tokens(gguf, texts.make_texts(dump, folder), folder)}


def evaluate(qllm: Path, model: Path, token_file: Path) -> tuple:
    """Returns the parsed report of `qllm eval` and what the command cost."""
    command = [qllm, "eval", model, "--tokens", token_file, f"--windows={WINDOWS}", f"--window-length={LENGTH}", "--json"]
    cost = measure(command)
    return json.loads(cost.output), cost


def stored_bytes(path: Path) -> int:
    """Bytes of the model: for an ONNX file with the data beside it, for a result directory the module and its weights."""
    if path.is_dir():
        return sum(each.stat().st_size for each in path.iterdir() if each.name.startswith("model."))
    return path.stat().st_size + Path(str(path) + ".data").stat().st_size


def run_row(row: Row, qllm: Path, paths: dict, folder: Path) -> dict:
    """Quantizes and evaluates one row."""
    model, quantize = paths["model"], None
    if row.quantized:
        model = folder / row.name.lower().replace(" ", "-")
        shutil.rmtree(model, ignore_errors=True)
        quantize = measure([qllm, "quantize", paths["model"], *row.command_options(), "-o", model])
    result, evaluation = evaluate(qllm, model, paths["eval"])
    losses = result["losses"]
    if len(losses) != WINDOWS:
        raise CommandFailed(f"expected {WINDOWS} losses from 'qllm eval', but got {len(losses)}")
    subset = math.exp(sum(loss for i, loss in enumerate(losses) if in_subset(i)) / sum(map(in_subset, range(WINDOWS))))
    return {
        "row": row, "perplexity": result["perplexity"], "subset": subset, "bytes": stored_bytes(model),
        "quantize": quantize, "evaluate": evaluation, "peak": max(evaluation.peak, quantize.peak if quantize else 0)}


def within(result: dict) -> bool:
    row = result["row"]
    return row.tolerance is None or abs(result["subset"] / row.reference - 1) <= row.tolerance


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "demo", help="downloads and results")
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "release" / "bin", help="where the qllm tool is")
    parser.add_argument("--rows", help="comma-separated names of the only rows to run, such as 'FP32,RTN W8A8'")
    parser.add_argument("--write", type=Path, metavar="FILE", help="also store the table, as docs/results.md does")
    parser.add_argument("--prepare-only", action="store_true", help="stop when the model and the tokens are there")
    return parser.parse_args()


def chosen_rows(names: str) -> list:
    if names is None:
        return ROWS
    by_name = {row.name: row for row in ROWS}
    unknown = [name for name in names.split(",") if name not in by_name]
    if unknown:
        print(f"error: expected rows among {', '.join(by_name)}, but got '{unknown[0]}'", file=sys.stderr)
        sys.exit(2)
    return [by_name[name] for name in names.split(",")]


def main() -> int:
    options = parse()
    rows = chosen_rows(options.rows)
    start = time.monotonic()
    paths = prepare(options.folder)
    print(f"model and texts ready after {time.monotonic() - start:.0f} s", file=sys.stderr)
    if options.prepare_only:
        return 0
    results = []
    for row in rows:
        began = time.monotonic()
        results.append(run_row(row, options.bin / "qllm", paths, options.folder))
        print(f"{row.name}: perplexity {results[-1]['perplexity']:.2f}, {time.monotonic() - began:.0f} s", file=sys.stderr)
    text = report.table(results, within)
    print(text)
    if options.write:
        options.write.write_text(report.page(text, os.path.relpath(options.write, ROOT)))
    print(f"{time.monotonic() - start:.0f} s in all", file=sys.stderr)
    return 0 if all(map(within, results)) else 3


if __name__ == "__main__":
    try:
        exit_with(main)
    except KeyboardInterrupt:
        sys.exit(130)
