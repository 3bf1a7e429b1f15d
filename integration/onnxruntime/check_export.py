#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that ONNX Runtime, running an exported quantized model, finds the perplexity that our interpreter finds.

For each recipe: `qllm quantize --export onnx`, `qllm eval` on the result, and perplexity.py on the exported file, over the same windows. They may
differ by 0.5 %. Over few windows chance alone does more with quantized activations (0.8 % over 3 windows at W4A8), so all 24 are taken
unless asked otherwise. With 4-bit activations that is only so for a few layers: over all 30 of them, noise of 1e-7 on the embedding alone
moves the perplexity by several percent (rtn_reference.py --perturb), so W4A4 is compared on the first two layers. int4 weights are run at accuracy level 0: the default of ONNX Runtime quantizes the activations of such products to
int8, which is another model; `--default-level` shows what that costs.
"""
import argparse
import json
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx

import perplexity

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "utils"), str(ROOT / "demo")]

import gguf_to_onnx  # noqa: E402
from measure import exit_with, measure  # noqa: E402

RECIPES = {
    "W4A16": ["--weight-bits=4"],
    "W4A16-g64": ["--weight-bits=4", "--granularity=group", "--group-size=64"],
    "W8A8": ["--weight-bits=8", "--activation-bits=8", "--kv-bits=8"],
    "W4A8": ["--weight-bits=4", "--activation-bits=8", "--kv-bits=8"],
    "W4A4": ["--weight-bits=4", "--activation-bits=4", "--kv-bits=4"],
}
CALIBRATED = {
    "GPTQ-W4A8": ["--recipe", "gptq", "--weight-bits=4", "--activation-bits=8"],
    "SVDQuant-W4A8": ["--recipe", "svdquant", "--weight-bits=4", "--activation-bits=8"],
    "EoRA-W4A8": ["--recipe", "eora", "--weight-bits=4", "--activation-bits=8"],
    "QLLM-W4A8": ["--recipe", "qllm", "--weight-bits=4", "--activation-bits=8", "--kv-bits=8"],
    "QLLM-plus-W4A8": ["--recipe", "qllm-plus", "--weight-bits=4", "--activation-bits=8", "--kv-bits=8"],
}
# Everything that reassembly leaves in a model: means, a principal part, split channels with rounding offsets, clips. The passes are
# those of GPTQ-W4A8 with other steps.
STEPS = {"split-W4A8": "mean,principal{rank=16},split{budget=0.1 criterion=soft offsets=true},clip{search=0.85:1:0.05},round{method=gptq}"}
SHORT = {"W4A4"}  # recipes compared on the first two layers
MOST = 0.005


def source_model(options: argparse.Namespace, name: str, scratch: Path) -> Path:
    return gguf_to_onnx.convert(options.gguf, scratch / "short.onnx", 2) if options.short or name in SHORT else options.model


def quantize(options: argparse.Namespace, model: Path, name: str, folder: Path) -> None:
    command = [options.bin / "qllm", "quantize", model, "--export", "onnx", "-o", folder]
    if name in RECIPES:
        measure([*command, "--recipe", "rtn", *RECIPES[name]])
        return
    calibrated = [*CALIBRATED.get(name, CALIBRATED["GPTQ-W4A8"]), "--calibration", options.calibration]
    if name in CALIBRATED:
        measure([*command, *calibrated])
        return
    planned = folder.with_name("planned")
    measure([options.bin / "qllm", "quantize", model, *calibrated, "--stop-after", "qllm-plan-rounding", "--allow-skips", "-o", planned])
    plan = (planned / "recipe.txt").read_text()
    passes = folder.with_name("passes.txt")
    passes.write_text(f"{plan}qllm-quantize-activations{{sites=attention}}\n"
                      f"qllm-quantize-sites{{calibration={options.calibration} steps={STEPS[name]}}}\n")
    measure([*command, "--recipe", passes])


def interpreter(options: argparse.Namespace, folder: Path) -> float:
    command = [options.bin / "qllm", "eval", folder, "--tokens", options.tokens, f"--windows={options.windows}"]
    return json.loads(measure([*command, "--window-length=512", "--json"]).output)["perplexity"]


def onnxruntime(options: argparse.Namespace, folder: Path) -> float:
    """The checker reads the file first: ONNX Runtime accepts some models that it does not."""
    exported = folder / "model.onnx"
    onnx.checker.check_model(str(exported))
    chosen = perplexity.windows(np.load(options.tokens), options.windows, 512)
    level = "4" if options.default_level else "0"
    return math.exp(perplexity.evaluate(perplexity.make_session(exported, options.threads, level), chosen).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "build/demo/smollm2.onnx")
    parser.add_argument("--gguf", type=Path, default=ROOT / "build/demo/smollm2.gguf")
    parser.add_argument("--tokens", type=Path, default=ROOT / "build/demo/eval.npy")
    parser.add_argument("--calibration", type=Path, default=ROOT / "build/demo/calib.npy")
    parser.add_argument("--short", action="store_true", help="all recipes on the first two layers, to see quickly whether they export")
    parser.add_argument("--bin", type=Path, default=ROOT / "build/release/bin")
    parser.add_argument("--windows", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--recipes", nargs="+", choices=[*RECIPES, *CALIBRATED, *STEPS], default=[*RECIPES, *CALIBRATED, *STEPS])
    parser.add_argument("--default-level", action="store_true", help="ONNX Runtime's own choice of accuracy level")
    options = parser.parse_args()
    far = 0
    print(f"{'recipe':20} {'interpreter':>12} {'ONNX Runtime':>13} {'difference':>11}")
    for name in options.recipes:
        with tempfile.TemporaryDirectory(dir=options.model.parent) as scratch:
            folder = Path(scratch) / "result"
            quantize(options, source_model(options, name, Path(scratch)), name, folder)
            ours, theirs = interpreter(options, folder), onnxruntime(options, folder)
        label = name + (", 2 layers" if options.short or name in SHORT else "")
        difference = theirs / ours - 1
        far += abs(difference) > MOST
        print(f"{label:20} {ours:12.3f} {theirs:13.3f} {difference:+11.3%}", flush=True)
    print(f"{len(options.recipes) - far} of {len(options.recipes)} within {MOST:.1%} over {options.windows} windows")
    return 3 if far else 0


if __name__ == "__main__":
    exit_with(main)
