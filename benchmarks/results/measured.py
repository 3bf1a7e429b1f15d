# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs one row and keeps what came out as JSON, so that a long list of rows can be run in portions, on more than one machine.

A result is found again by its key: the canonical text of the pipeline, the options, and the contents of model, calibration and
evaluation files. The revision of the code is written down with it and is not part of the key: a page tells for every figure which
revision it belongs to, and `--stale` runs those again that another one has made.

Finished rows lie under build/results; those behind the stored page are kept beside this file, in measured.jsonl, so that a fresh
checkout goes on from them.
"""
import hashlib
import json
import math
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from measure import CommandFailed, measure
from provenance import machine, revision
from settings import words
from tokens import windows

WINDOWS, LENGTH = 24, 512
ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("measured.jsonl")
SUBSETS = {"8": lambda index: index % 3 == 0, "16": lambda index: index % 3 != 0, "24": lambda index: True}


def windows_of(row) -> list:
    """Indices of the windows that a row is evaluated on: pieces are compared with each other, which the 8 are enough for."""
    return [index for index in range(WINDOWS) if SUBSETS["8" if row.group == "pieces" else "24"](index)]


def digest(path: Path, folder: Path) -> str:
    """sha256 of a file; for an ONNX file of the data beside it too. Remembered by size and time, as models are large."""
    found = hashlib.sha256()
    for part in (path, Path(str(path) + ".data")):
        if not part.exists():
            continue
        state = part.stat()
        note = folder / "digests" / hashlib.sha256(f"{part.resolve()} {state.st_size} {state.st_mtime_ns}".encode()).hexdigest()
        if not note.exists():
            note.parent.mkdir(parents=True, exist_ok=True)
            with part.open("rb") as stream:
                note.write_text(hashlib.file_digest(stream, "sha256").hexdigest())
        found.update(note.read_bytes())
    return found.hexdigest()


class Bench:
    """The tools and files that rows are measured with, and the folder of finished rows."""

    def __init__(self, bin_folder: Path, folder: Path, model: Path, calibration: Path, tokens: Path, threads: int = 0,
                 kept: Path = None, torch_python: str = sys.executable):
        self.bin, self.folder, self.model, self.calibration, self.tokens = bin_folder, folder, model, calibration, tokens
        self.threads = [f"--threads={threads}"] if threads else []
        self.torch_python = torch_python
        self.digests = {name: digest(path, folder) for name, path in
                        [("model", model), ("calibration", calibration), ("tokens", tokens)]}
        lines = kept.read_text(encoding="utf-8").splitlines() if kept and kept.exists() else []
        self.kept = {result["key"]: result for result in map(json.loads, lines)}
        self.pipelines = {}

    def pipeline(self, row) -> str:
        """The canonical text of the row's passes; asked for once, as it takes a process."""
        asked = (row.recipe, row.passes, *row.option_words)
        if asked not in self.pipelines:
            self.pipelines[asked] = self.dumped(row)
        return self.pipelines[asked]

    def dumped(self, row) -> str:
        """That text, with every option: qllm-opt prints it before it runs anything."""
        if row.is_float:
            return ""
        if row.recipe:
            options = " ".join(word.removeprefix("--") for word in row.option_words)
            asked = [f"--recipe-{row.recipe}={options}"]
        else:
            asked = [f"--pass-pipeline=builtin.module({self.passes(row)})"]
        process = subprocess.run([self.bin / "qllm-opt", *asked, "--dump-pass-pipeline", "-o", os.devnull, "-"], input="module {}",
                                 capture_output=True, text=True, check=False)
        lines = process.stderr.splitlines()
        starts = [i for i, line in enumerate(lines) if line.startswith("builtin.module(")]
        ends = [i for i, line in enumerate(lines) if starts and i >= starts[0] and line.rstrip().endswith(")")]
        if not ends:
            raise CommandFailed(f"expected a pipeline from 'qllm-opt {asked[0]}', but got: {process.stderr.strip()[:300]}")
        dumped = "\n".join(lines[starts[0]:ends[0] + 1])
        return dumped.replace(str(self.calibration), self.calibration.name)

    def passes(self, row) -> str:
        return row.passes.replace("{calibration}", str(self.calibration))

    def key(self, row, indices: list = None) -> str:
        """What the row's figures depend on; `indices`: the windows, if not those that it asks for."""
        parts = {"pipeline": self.pipeline(row), "options": row.option_words, "windows": [indices or windows_of(row), LENGTH], **self.digests}
        if row.tuned:
            parts["tuned"] = row.tuned
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def path(self, key: str) -> Path:
        return self.folder / "rows" / f"{key[:24]}.json"

    def key_or_name(self, row, indices: list = None) -> str:
        """Rows that run the same share a result; one that has no pipeline has only its name."""
        try:
            return self.key(row, indices)
        except CommandFailed:
            return "without-pipeline-" + hashlib.sha256(row.identity.encode()).hexdigest()

    def stored(self, row):
        """The finished result, on all windows where another row has it; the error of one that failed; or None."""
        every = self.found(self.key_or_name(row, list(range(WINDOWS))))
        return every if every and "error" not in every else self.found(self.key_or_name(row))

    def found(self, key: str):
        """The result under a key, of this folder first, or None."""
        try:
            return json.loads(self.path(key).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self.kept.get(key)

    def keep(self, results: list, path: Path) -> None:
        """Stores the finished ones among `results`, a line each, sorted so that a change shows."""
        finished = {result["key"]: result for result in results if result and "error" not in result}
        lines = [json.dumps(result, sort_keys=True, ensure_ascii=False) for result in finished.values()]
        path.write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda line: json.loads(line)["row"])), encoding="utf-8")

    def quantize_command(self, row, output: Path) -> list:
        command = [self.bin / "qllm", "quantize", self.model, "--recipe"]
        if row.recipe:
            command += [row.recipe, *row.option_words]
            if row.calibrated:
                command += ["--calibration", self.calibration]
        else:
            recipe = output.with_suffix(".passes")
            recipe.parent.mkdir(parents=True, exist_ok=True)
            recipe.write_text(self.passes(row) + "\n", encoding="utf-8")
            command.append(recipe)
        return [*command, *self.threads, "--allow-skips", "-o", output]

    @staticmethod
    def tuning(output: Path) -> Path:
        """Where models in front of and behind the tuner lie."""
        return output.with_name(output.name + "-tuning")

    def commands(self, row, output: Path) -> list:
        """What makes the quantized model in `output`."""
        if not row.tuned:
            return [self.quantize_command(row, output)]
        scratch = self.tuning(output)
        bits = {name: value for name, value in row.options.items() if name.endswith("-bits")}
        formats = bits | {name: value for name, value in row.options.items() if name == "granularity"}
        tune = ["env", f"PYTHONPATH={ROOT / 'python'}", self.torch_python, "-m", "qllm.tune", scratch / "model.onnx", "--teacher", self.model,
                "--calibration", self.calibration, *words(bits), *words(row.tuned), "-o", scratch / "tuned.onnx"]
        return [[*self.quantize_command(row, scratch), "--stop-after=qllm-apply-reassembly", "--export=onnx"], tune,
                [self.bin / "qllm", "quantize", scratch / "tuned.onnx", "--recipe", "rtn", *words(formats), *self.threads, "-o", output]]

    def tokens_for(self, row) -> Path:
        """The evaluation tokens; for a row of fewer windows a file of those."""
        indices = windows_of(row)
        if len(indices) == WINDOWS:
            return self.tokens
        path = self.folder / f"eval-{len(indices)}x{LENGTH}-{self.digests['tokens'][:8]}.npy"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(f".{threading.get_ident()}.part")
            with partial.open("wb") as stream:
                np.save(stream, windows(np.load(self.tokens), WINDOWS, LENGTH)[indices])
            partial.replace(path)
        return path

    def evaluate_command(self, row, model: Path) -> list:
        return [self.bin / "qllm", "eval", model, "--tokens", self.tokens_for(row), f"--windows={len(windows_of(row))}",
                f"--window-length={LENGTH}", "--json", *self.threads]

    def shown(self, command: list) -> str:
        """A command as one would type it from the root of the checkout."""
        parts = [os.fspath(part).replace(str(ROOT) + os.sep, "") for part in command]
        return shlex.join([Path(part).name if Path(part).is_absolute() else part for part in parts])

    def run(self, row) -> dict:
        """Measures the row and stores the result, also when a command fails: then with the error instead of figures."""
        output = self.folder / "models" / re.sub(r"[^a-z0-9.-]", "-", row.identity)
        result = {"row": row.identity, "recipe": row.recipe, "options": row.options, "revision": revision(), "machine": machine(),
                  "started": time.strftime("%Y-%m-%d %H:%M"),
                  "command": "\n".join(map(self.shown, [self.evaluate_command(row, self.model)] if row.is_float else self.commands(row, output)))}
        path = self.path(self.key_or_name(row))
        try:
            result |= {"key": self.key(row), "pipeline": self.pipeline(row)}
            result |= self.figures(row, output)
        except (CommandFailed, OSError, ValueError) as failure:
            result["error"] = str(failure)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
        partial.replace(path)
        for folder in (output, self.tuning(output)):
            shutil.rmtree(folder, ignore_errors=True)
        return result

    def figures(self, row, output: Path) -> dict:
        if row.is_float:
            return self.evaluated(row, self.model)
        shutil.rmtree(output, ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        steps = [measure(command) for command in self.commands(row, output)]
        report = json.loads((output / "report.json").read_text(encoding="utf-8"))
        return self.evaluated(row, output) | {"quantize": cost(steps), "coverage": summary(report["coverage"]), "bytes": sum(
            each.stat().st_size for each in output.iterdir() if each.name.startswith("model."))}

    def evaluated(self, row, model: Path) -> dict:
        evaluate, indices = measure(self.evaluate_command(row, model)), windows_of(row)
        losses = json.loads(evaluate.output)["losses"]
        if len(losses) != len(indices):
            raise CommandFailed(f"expected {len(indices)} losses from 'qllm eval', but got {len(losses)}")
        return {"losses": dict(zip(map(str, indices), losses)), "evaluate": cost([evaluate])}


def cost(steps: list) -> dict:
    """Of commands that follow each other."""
    return {"wall": sum(step.wall for step in steps), "cpu": sum(step.cpu for step in steps), "peak": max(step.peak for step in steps)}


def summary(coverage: dict) -> dict:
    """What a page says of a model's coverage: everything but the list of layers."""
    skipped = [layer["name"] for layer in coverage["layers"] if layer["state"] == "skipped"]
    return {name: value for name, value in coverage.items() if name not in ("layers", "rows")} | {
        "bits_per_weight": bits_per_weight(coverage), "skipped_layers": skipped}


def bits_per_weight(coverage: dict):
    """Stored bits of quantized layers over their original weights, everything that came with them included; None where nothing is
    quantized. The report counts it (branches, tables and maps belong to no layer of the original model)."""
    if "bits_per_weight" in coverage:
        return coverage["bits_per_weight"]
    layers = [layer for layer in coverage["layers"] if layer["state"] == "quantized" and layer["weights"]]
    weights = sum(layer["weights"] for layer in layers)
    return 8 * sum(layer["bytes"] for layer in layers) / weights if weights else None


def perplexity(losses: dict, subset: str) -> float:
    """Over the windows of a subset, from losses by the window's index."""
    return math.exp(statistics.fmean(loss for index, loss in losses.items() if SUBSETS[subset](int(index))))
