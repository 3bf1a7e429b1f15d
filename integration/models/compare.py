#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes two models that are no decoders by every recipe, unchanged, and tells how far their outputs move.

usage: compare.py [--recipes rtn,gptq] [--write docs/other-models.md]     (after prepare.py, which says how to make the models)

The encoder is compared by its sentence embeddings (mean over tokens, normalized): the cosine to the original model's. The recognizer, of
convolutions and transformer layers, by its output probabilities: relative error, and the share of positions with the same character.
What a recipe cannot treat is counted and named. Exit codes: 0 done, 1 a recipe failed on a model.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "utils"), str(ROOT / "benchmarks" / "results"), str(ROOT / "demo")]

from measure import CommandFailed, exit_with, measure  # noqa: E402
from pages import table  # noqa: E402
from provenance import machine, revision  # noqa: E402
import settings  # noqa: E402

SETTINGS = ["W8A8", "W4A4"]


def embeddings(outputs: dict, inputs: dict) -> np.ndarray:
    """Mean of the last hidden state over the tokens of each text, of length 1."""
    hidden, mask = outputs["last_hidden_state"], inputs["attention_mask"][..., None]
    mean = (hidden * mask).sum(1) / mask.sum(1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def compare_encoder(exact: dict, quantized: dict, inputs: dict) -> dict:
    cosines = (embeddings(exact, inputs) * embeddings(quantized, inputs)).sum(1)
    return {"mean cosine": f"{cosines.mean():.4f}", "least cosine": f"{cosines.min():.4f}"}


def compare_recognizer(exact: dict, quantized: dict, inputs: dict) -> dict:
    [wanted], [found] = exact.values(), quantized.values()
    error = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    same = (found.argmax(-1) == wanted.argmax(-1)).mean()
    return {"relative error": f"{error:.4f}", "same character": f"{same:.1%}"}


MODELS = {"minilm": ("all-MiniLM-L6-v2, a BERT encoder", compare_encoder),
          "recognizer": ("PP-OCRv4 text-line recognizer, convolutions and transformer layers", compare_recognizer)}


class Comparison:
    def __init__(self, name: str, options: argparse.Namespace, scratch: Path):
        self.name, self.options, self.scratch = name, options, scratch
        self.title, self.compare = MODELS[name]
        self.model = options.folder / f"{name}.onnx"
        self.inputs = dict(np.load(options.folder / f"{name}-evaluation.npz"))
        self.exact = self.run(self.model, scratch / f"{name}.npz")

    def run(self, model: Path, result: Path) -> dict:
        measure([self.options.bin / "qllm", "run", model, "--input", self.options.folder / f"{self.name}-evaluation.npz", "-o", result,
                 "--threads=1"])
        return dict(np.load(result))

    def line(self, row: settings.Row) -> dict:
        """The figures of one recipe at one setting; raises CommandFailed when it fails."""
        output = self.scratch / f"{self.name}-{row.recipe}-{row.setting}"
        command = [self.options.bin / "qllm", "quantize", self.model, "--recipe", row.recipe, *row.option_words, "--allow-skips", "--threads=1",
                   "-o", output]
        if row.calibrated:
            command += ["--calibration", self.options.folder / f"{self.name}-calibration.npz"]
        cost = measure(command)
        coverage = json.loads((output / "report.json").read_text(encoding="utf-8"))["coverage"]
        missing = [f"{layer['name']} ({layer['reason']})" for layer in coverage["layers"] + coverage["skipped_attention"]
                   if layer.get("state", "skipped") == "skipped"]
        found = self.run(output, output.with_suffix(".npz"))
        shutil.rmtree(output)
        return {"recipe": row.recipe, "setting": row.setting, **self.compare(self.exact, found, self.inputs),
                "layers quantized": str(coverage["quantized"]), "not treated": str(len(missing)), "CPU s": f"{cost.cpu:.1f}",
                "missing": missing}

    def line_or_failure(self, row: settings.Row):
        """The figures, or what the recipe failed with."""
        try:
            result = self.line(row)
            shown = {key: value for key, value in result.items() if key != "missing"}
        except CommandFailed as failure:
            shown = result = f"{row.recipe} at {row.setting}: {' '.join(str(failure).split())[-400:]}"
        print(self.name, shown, file=sys.stderr, flush=True)
        return result


def report(comparison: Comparison, lines: list, failures: list) -> str:
    text = f"## {comparison.title}\n\n"
    if lines:
        header = [name for name in lines[0] if name != "missing"]
        text += table(header, [[line[name] for name in header] for line in lines]) + "\n"
    # Recipes miss the same things for the same reasons: each is said once.
    missing = dict.fromkeys(re.sub(r"\s+", " ", each) for line in lines for each in line["missing"])
    if missing:
        text += "\nNot treated by at least one recipe:\n" + "".join(f"- {each}\n" for each in missing)
    if failures:
        text += "\nFailed:\n" + "".join(f"- {each}\n" for each in failures)
    return text


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "models", help="where prepare.py left the models")
    parser.add_argument("--bin", type=Path, default=ROOT / "build" / "release" / "bin", help="where the qllm tool is")
    parser.add_argument("--models", default=",".join(MODELS), help="comma-separated, among " + ", ".join(MODELS))
    parser.add_argument("--recipes", help="comma-separated names; all of benchmarks/results/rows.toml unless given")
    parser.add_argument("--settings", default=",".join(SETTINGS), help="comma-separated settings of that file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="recipes at a time, one thread each (default: as many as there are cores)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="store the page")
    return parser.parse_args()


def main() -> int:
    options = parse()
    rows = [row for row in settings.load() if row.group == "recipes" and row.setting in options.settings.split(",")]
    if options.recipes:
        rows = [row for row in rows if row.recipe in options.recipes.split(",")]
    if not rows:
        print("error: expected recipes and settings of benchmarks/results/rows.toml, but got none that is there", file=sys.stderr)
        return 2
    texts, failed = [], False
    with tempfile.TemporaryDirectory() as scratch:
        for name in options.models.split(","):
            comparison = Comparison(name, options, Path(scratch))
            with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
                results = list(pool.map(comparison.line_or_failure, rows))
            failures = [result for result in results if isinstance(result, str)]
            texts.append(report(comparison, [result for result in results if not isinstance(result, str)], failures))
            failed |= bool(failures)
    text = "\n".join(texts)
    print(text)
    if options.write:
        options.write.write_text(
            "# Results on models that are no decoders\n\nWritten by `python integration/models/compare.py --write docs/other-models.md`, after "
            f"`integration/models/prepare.py`; do not edit. Measured on {machine()}, revision {revision()}.\n\nEvery recipe runs with the options of "
            "[the results page](recipes-results.md), unchanged. Inputs: 16 pieces of the evaluation text, or pictures of them; calibration: 16 of the "
            "calibration text.\n\n" + text, encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    exit_with(main)
