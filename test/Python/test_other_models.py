# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""integration/models/compare.py: its figures on known outputs, and a run of the command on the small BERT of the tests."""
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")) / "bin"
sys.path.append(str(ROOT / "integration" / "models"))

import compare  # noqa: E402


def test_embeddings_are_means_over_real_tokens_and_cosines_forget_length():
    inputs = {"attention_mask": np.array([[1, 1, 0]])}
    exact = {"last_hidden_state": np.array([[[1.0, 0.0], [0.0, 1.0], [9.0, -9.0]]])}
    scaled = {"last_hidden_state": exact["last_hidden_state"] * 3}
    turned = {"last_hidden_state": np.array([[[2.0, 0.0], [0.0, 0.0], [0.0, 5.0]]])}
    assert compare.compare_encoder(exact, scaled, inputs) == {"mean cosine": "1.0000", "least cosine": "1.0000"}
    assert compare.compare_encoder(exact, turned, inputs)["mean cosine"] == "0.7071"


def test_the_recognizer_is_compared_by_probabilities_and_characters():
    exact, found = {"p": np.array([[[0.6, 0.4], [0.1, 0.9]]])}, {"p": np.array([[[0.4, 0.6], [0.1, 0.9]]])}
    result = compare.compare_recognizer(exact, found, {})
    assert result["same character"] == "50.0%"
    assert float(result["relative error"]) == pytest.approx(np.sqrt(0.08 / 1.34), abs=1e-4)


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Runs compare.py with the tests' own BERT in the place of the encoder."""
    shutil.copy(ROOT / "test" / "Inputs" / "models" / "bert-dynamo-18.onnx", tmp_path / "minilm.onnx")
    ids = np.random.default_rng(0).integers(0, 60, (4, 12))
    inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    for name in ("calibration", "evaluation"):
        np.savez(tmp_path / f"minilm-{name}.npz", **inputs)
    cosine = lambda exact, found, inputs: {"error": f"{np.abs(next(iter(exact.values())) - next(iter(found.values()))).max():.6f}"}
    monkeypatch.setattr(compare, "MODELS", {"minilm": ("a small encoder", cosine)})

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["compare.py", "--folder", str(tmp_path), "--bin", str(BIN), "--recipes", "rtn", *arguments])
        return compare.main()

    run.folder = tmp_path
    return run


def test_every_setting_is_a_line_and_the_page_is_stored(command, capsys):
    page = command.folder / "page.md"
    assert command("--settings", "W8A8,W4A4", "--write", str(page)) == 0
    lines = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| rtn")]
    assert [line[2].strip() for line in lines] == ["W8A8", "W4A4"]
    assert 0 < float(lines[0][3]) < float(lines[1][3])
    assert all(int(line[4]) > 0 for line in lines)
    assert "## a small encoder" in page.read_text()


def test_a_recipe_that_fails_is_listed_and_exit_code_1(command, monkeypatch, capsys):
    broken = compare.settings.Row("recipes", "rtn", "W8A8", recipe="rtn", options={"weight-bits": 9}, calibrated=False)
    monkeypatch.setattr(compare.settings, "load", lambda: [broken])
    assert command("--settings", "W8A8") == 1
    out = capsys.readouterr().out
    assert "Failed:\n- rtn at W8A8:" in out and "weight-bits" in out


def test_no_such_recipe_is_a_usage_error(command, capsys):
    assert command("--settings", "W9A9") == 2
