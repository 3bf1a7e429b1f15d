# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What recipes with calibration promise, on a small decoder with outliers: by runs of the tool."""
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

import outlier_model

BIN = Path(os.environ.get("QLLM_BUILD", Path(__file__).resolve().parents[2] / "build" / "release")) / "bin"
RECIPES = {
    "gptq": ["--weight-bits=3"],
    "norm-tweaking": ["--weight-bits=3"],
    "eora": ["--weight-bits=3", "--granularity=channel", "--rank=8"],
    "svdquant": ["--rank=8", "--group-size=32", "--activation-group-size=32", "--grid=4", "--iterations=5"],
    "adadim": ["--weight-bits=3", "--group-size=32"],
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipes")
    outlier_model.write_model(folder / "model.onnx", 2)
    outlier_model.write_tokens(folder / "calib.npy", 2000, 1)
    outlier_model.write_tokens(folder / "eval.npy", 64, 2)
    np.save(folder / "input.npy", np.load(folder / "eval.npy")[None, :64])
    return folder


def tool(*words):
    result = subprocess.run([str(BIN / "qllm"), *map(str, words)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stderr


def quantize(files: Path, output: Path, recipe, *options) -> Path:
    calibration = [] if recipe == "rtn" else ["--calibration", files / "calib.npy"]
    if recipe in RECIPES:
        calibration += ["--calibration-windows=8", "--calibration-length=64"]
    tool("quantize", files / "model.onnx", "--recipe", recipe, *options, *calibration, "-o", output)
    return output


def logits(files: Path, model: Path) -> np.ndarray:
    output = files / "logits.npz"
    tool("run", model, "--input", f"input_ids={files / 'input.npy'}", "-o", output)
    return np.load(output)["logits"]


def loss(files: Path, model: Path) -> float:
    """Squared error of the logits over their energy, on tokens that calibration has not seen."""
    exact = logits(files, files / "model.onnx")
    return float(((logits(files, model) - exact) ** 2).sum() / (exact**2).sum())


def contents(folder: Path) -> dict:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.name.startswith("model.")}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_same_bytes_for_any_threads_and_from_the_stored_recipe(files, tmp_path, recipe):
    first = quantize(files, tmp_path / "first", recipe, *RECIPES[recipe], "--threads=1")
    second = quantize(files, tmp_path / "second", recipe, *RECIPES[recipe], "--threads=3")
    tool("quantize", files / "model.onnx", "--recipe", first / "recipe.txt", "-o", tmp_path / "third")
    assert contents(first) == contents(second) == contents(tmp_path / "third")


def test_gptq_loses_less_than_rounding_to_nearest(files, tmp_path):
    nearest = loss(files, quantize(files, tmp_path / "rtn", "rtn", "--weight-bits=3"))
    gptq = loss(files, quantize(files, tmp_path / "gptq", "gptq", "--weight-bits=3"))
    assert gptq < 0.7 * nearest


def test_a_branch_of_full_rank_gives_the_model_back(files, tmp_path):
    base = loss(files, quantize(files, tmp_path / "gptq", "gptq", "--weight-bits=3"))
    options = ["--weight-bits=3", "--granularity=channel", "--branch-bits=16"]
    small = loss(files, quantize(files, tmp_path / "small", "eora", *options, "--rank=16"))
    whole = loss(files, quantize(files, tmp_path / "whole", "eora", *options, "--rank=192"))
    assert whole < 1e-6 < small < base


def test_new_gains_lose_less_than_gptq_alone(files, tmp_path):
    gptq = quantize(files, tmp_path / "gptq", "gptq", "--weight-bits=3")
    tweaked = quantize(files, tmp_path / "tweaked", "norm-tweaking", "--weight-bits=3")
    assert loss(files, tweaked) < loss(files, gptq)


def test_an_unknown_criterion_is_refused(files, tmp_path):
    words = [BIN / "qllm", "quantize", files / "model.onnx", "--recipe", "adadim", "--criterion=model", "--calibration",
             files / "calib.npy", "-o", tmp_path / "out"]
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "expected block or layer as criterion, but got 'model'" in result.stderr
