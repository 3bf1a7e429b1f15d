# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`qllm-plan-reassembly` decides as the numpy reference does: thresholds, counts and pairs of the 24 sites of a model with outliers."""
import os
import subprocess
import sys
from pathlib import Path

import outlier_model
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "integration" / "reference"))

from reassembly_plan import read_plan  # noqa: E402

QLLM = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")).resolve() / "bin" / "qllm"
LAYERS = 8
WINDOWS = ["8", "64"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("plan")
    outlier_model.write_model(place / "model.onnx", LAYERS)
    outlier_model.write_tokens(place / "text.npy", 13000, 0)
    return place


def plan(place, score):
    result = place / score
    if not result.exists():
        quantize = [QLLM, "quantize", place / "model.onnx", "--recipe", "qllm", "--weight-bits", "4", "--activation-bits", "4", "--calibration",
                    place / "text.npy", "--calibration-windows", WINDOWS[0], "--calibration-length", WINDOWS[1], "--score", score,
                    "--stop-after", "qllm-plan-reassembly", "-o", result]
        subprocess.run(quantize, check=True, capture_output=True)
    return result


def compare(place, score, distance):
    reference = [sys.executable, ROOT / "integration" / "reference" / "qllm_reference.py", place / "model.onnx", "--tokens",
                 place / "text.npy", "--windows", WINDOWS[0], "--window-length", WINDOWS[1], "--distance", distance, "--plan", plan(place, score)]
    return subprocess.run(reference, check=True, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}).stdout


@pytest.mark.parametrize("score, distance", [("published", "code"), ("paper", "paper")])
def test_decisions_are_those_of_the_reference(model, score, distance):
    report = compare(model, score, distance)
    sites = 3 * LAYERS
    assert f"of {sites} sites, {sites} agree in the threshold, {sites} in the counts, {sites} in the pairs, {sites} in all" in report, report


def test_the_scores_of_paper_and_code_choose_differently(model):
    pairs = [{name: site.pairs.tolist() for name, site in read_plan(plan(model, score)).items()} for score in ("published", "paper")]
    assert pairs[0].keys() == pairs[1].keys() and pairs[0] != pairs[1]
