# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""benchmarks/results: rows from their file, runs of a small model with the real tools, and the page made of what is finished."""
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")) / "bin"
sys.path += [str(ROOT / "benchmarks" / "results"), str(ROOT / "demo"), str(ROOT / "utils"), str(Path(__file__).parent)]

import gguf_to_onnx  # noqa: E402
import measured  # noqa: E402
import pages  # noqa: E402
import results  # noqa: E402
import settings  # noqa: E402
from test_demo import VOCABULARY, write_gguf  # noqa: E402

ROWS = """
[settings.W8A8]
weight-bits = 8
activation-bits = 8
[settings.W4A16]
weight-bits = 4
[[goal]]
name = "reached"
recipe = "rtn"
calibrated = false
setting = "W8A8"
must = 1e9
aim = 2.5
[[goal]]
name = "missed"
recipe = "rtn"
calibrated = false
setting = "W8A8"
must = 1.0
[[recipe]]
name = "rtn"
calibrated = false
[[piece]]
name = "no such recipe"
recipe = "rntt"
setting = "W8A8"
[[piece]]
name = "by passes"
passes = "convert-onnx-to-qllm,qllm-plan-rounding{weight-bits=4},qllm-quantize-weights"
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    model = gguf_to_onnx.convert(write_gguf(folder / "small.gguf"), folder / "small.onnx")
    random = np.random.default_rng(3)
    for name in ("calib", "eval"):
        np.save(folder / f"{name}.npy", random.integers(0, VOCABULARY, 1000))
    (folder / "rows.toml").write_text(ROWS)
    return {"model": model, "calib": folder / "calib.npy", "eval": folder / "eval.npy", "rows": folder / "rows.toml"}


@pytest.fixture
def bench(files, tmp_path, monkeypatch):
    """Runs the command on the small model, in a folder of its own."""
    monkeypatch.setattr(results, "prepare", lambda folder: files)
    monkeypatch.setattr(measured, "LENGTH", 16)
    monkeypatch.setattr(settings.load, "__defaults__", (files["rows"],))

    def run(*arguments):
        return results.main(["--bin", str(BIN), "--folder", str(tmp_path), "--kept", str(tmp_path / "kept.jsonl"), *arguments])

    run.folder = tmp_path
    return run


def stored(bench) -> list:
    return [json.loads(path.read_text()) for path in (bench.folder / "rows").glob("*.json")]


def test_a_row_is_run_once_and_rows_that_run_the_same_share_it(bench, capsys):
    assert bench("--rows", "recipes/rtn@w8a8,goals/reached") == 0
    # One line of progress for the first; the second is found finished.
    assert len(re.findall("perplexity", capsys.readouterr().err)) == 1
    [result] = stored(bench)
    assert len(result["losses"]) == 24
    # Per output channel: 8 bits, an f32 scale and a zero point over rows of 96 or 128.
    assert 8.2 < result["coverage"]["bits_per_weight"] < 8.6
    assert result["coverage"]["skipped"] == 0 and result["quantize"]["peak"] > 1e6
    assert "qllm-plan-rounding{" in result["pipeline"] and "weight-bits=8" in result["pipeline"]
    assert bench("--rows", "recipes/rtn@w8a8") == 0
    assert "perplexity" not in capsys.readouterr().err


def test_the_figures_are_those_of_the_tool(bench, files, tmp_path):
    bench("--rows", "float")
    [result] = stored(bench)
    command = [BIN / "qllm", "eval", files["model"], "--tokens", files["eval"], "--windows=24", "--window-length=16", "--json"]
    losses = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["losses"]
    expected = math.exp(sum(losses[::3]) / 8)
    assert measured.perplexity(result["losses"], "8") == pytest.approx(expected, rel=1e-5)
    assert "quantize" not in result


def test_a_pipeline_is_a_row_and_its_key_follows_the_options_and_the_data(bench, files):
    assert bench("--rows", "pieces/by*") == 0
    [result] = stored(bench)
    assert result["options"] == {} and "weight-bits=4" in result["pipeline"]
    row = settings.choose(settings.load(), "pieces/by*")[0]
    here = measured.Bench(BIN, bench.folder, files["model"], files["calib"], files["eval"])
    keys = {here.key(row)}
    changed = settings.Row(**{**row.__dict__, "passes": row.passes.replace("=4", "=5")})
    keys.add(here.key(changed))
    keys.add(measured.Bench(BIN, bench.folder, files["model"], files["calib"], files["calib"]).key(row))
    assert len(keys) == 3


def test_a_failing_row_is_listed_with_its_error_and_the_others_run(bench, capsys):
    page = bench.folder / "page.md"
    assert bench("--rows", "pieces", "--write", str(page)) == 1
    captured = capsys.readouterr()
    assert "pieces/no-such-recipe@w8a8: FAILED" in captured.err and "pieces/by-passes@: perplexity" in captured.err
    text = page.read_text()
    assert "- `pieces/no-such-recipe@w8a8`: expected a pipeline from 'qllm-opt --recipe-rntt" in text
    assert re.search(r"\| no such recipe +\| W8A8 +\| failed", text)
    assert re.search(r"\| by passes +\| +\| \d+\.\d\d ", text)
    assert "5 of 7 rows have not been run" in text


def test_a_failure_while_running_is_stored_and_tried_again(bench, monkeypatch, capsys):
    with monkeypatch.context() as broken:
        broken.setattr(measured, "WINDOWS", 25)
        broken.setattr(measured.Bench, "evaluate_command", lambda self, row, model: ["echo", '{"losses": [1.0]}'])
        assert bench("--rows", "recipes/rtn@w8a8") == 1
        assert "expected 25 losses from 'qllm eval', but got 1" in capsys.readouterr().err
        assert "expected 25 losses" in stored(bench)[0]["error"]
    assert bench("--rows", "recipes/rtn@w8a8") == 0
    assert len(stored(bench)) == 2  # another number of windows is another key


def test_a_missed_goal_is_marked_and_exit_code_3(bench, capsys):
    assert bench("--rows", "goals") == 3
    out = capsys.readouterr().out
    assert re.search(r"\| reached +\| +\| 1e\+09 +\| 2\.5 +\| \d+\.\d\d +\|", out)
    assert re.search(r"\| missed .*\d MISSED", out)


def test_stale_rows_run_again_for_another_revision(bench, monkeypatch, capsys):
    bench("--rows", "recipes/rtn@w8a8")
    monkeypatch.setattr(results, "revision", lambda: "another")
    capsys.readouterr()
    bench("--rows", "recipes/rtn@w8a8")
    assert "perplexity" not in capsys.readouterr().err
    bench("--rows", "recipes/rtn@w8a8", "--stale")
    assert "perplexity" in capsys.readouterr().err


def test_the_time_ends_between_rows_and_list_tells_what_is_left(bench, capsys):
    bench("--rows", "recipes", "--seconds=-1")
    assert "the time is over: 2 of 2 rows not run" in capsys.readouterr().err and stored(bench) == []
    bench("--rows", "recipes/rtn@w4a16")
    capsys.readouterr()
    assert bench("--rows", "recipes", "--list") == 0
    assert capsys.readouterr().out == "open     recipes/rtn@w8a8\nfinished recipes/rtn@w4a16\n"


def test_pieces_are_evaluated_on_the_eight_windows(bench, files):
    bench("--rows", "float,pieces/by*")
    piece = next(result for result in stored(bench) if result["pipeline"])
    assert list(piece["losses"]) == [str(index) for index in range(0, 24, 3)]
    # The same windows as of a row that has all of them.
    row = settings.Row(group="goals", name="all", setting="", passes=settings.choose(settings.load(), "pieces/by*")[0].passes)
    every = measured.Bench(BIN, bench.folder, files["model"], files["calib"], files["eval"]).run(row)
    assert piece["losses"] == pytest.approx({index: every["losses"][index] for index in piece["losses"]})
    assert pages.value_on(piece, "8") == pages.value_on(every, "8") and pages.value_on(piece, "24") == ""


def test_another_checkout_goes_on_from_the_kept_figures(bench, tmp_path, capsys):
    kept, page = tmp_path / "kept.jsonl", tmp_path / "page.md"
    bench("--rows", "recipes/rtn@w8a8", "--write", str(page))
    [line] = kept.read_text().splitlines()
    assert json.loads(line)["row"] == "recipes/rtn@w8a8"
    capsys.readouterr()
    bench("--rows", "recipes/rtn@w8a8", "--folder", str(tmp_path / "elsewhere"))
    captured = capsys.readouterr()
    assert "perplexity" not in captured.err and f"{math.exp(sum(json.loads(line)['losses'].values()) / 24):.2f}" in captured.out


def test_only_write_makes_the_page_of_what_there_is(bench, files):
    page = bench.folder / "page.md"
    assert bench("--only-write", "--write", str(page)) == 0
    assert stored(bench) == [] and "not run" in page.read_text()


@pytest.mark.parametrize("text, message", [
    ('[settings]\n[[goal]]\nname = "g"\nmust = 1.0', "expected one of recipe, passes and steps in goal 'g'"),
    ('[settings]\n[[piece]]\nname = "p"\nrecipe = "rtn"\nmust = 1.0', "in piece 'p', but got 'must'"),
    ('[settings.A]\n[[piece]]\nname = "p"\nrecipe = "rtn"\nsetting = "B"', "expected one of the settings A in piece 'p', but got 'B'"),
    ('[settings]\n' + '[[piece]]\nname = "p"\nrecipe = "rtn"\n' * 2, "expected every row once, but got 'pieces/p@' again"),
])
def test_rows_that_mean_nothing_are_refused(tmp_path, text, message):
    path = tmp_path / "rows.toml"
    path.write_text(text)
    with pytest.raises(settings.RowsError, match=re.escape(message)):
        settings.load(path)


def test_steps_become_a_pipeline_with_the_setting_in_its_plan(tmp_path):
    path = tmp_path / "rows.toml"
    path.write_text('steps = "plan{{{plan}}},sites{{{calibration} {steps}}}"\n[settings.W4]\nweight-bits = 4\n'
                    '[[piece]]\nname = "p"\nsetting = "W4"\nsteps = "mean,round{method=gptq}"\noptions = { symmetric = true }\n')
    row = settings.load(path)[-1]
    assert row.passes == "plan{weight-bits=4 symmetric=true},sites{{calibration} mean,round{method=gptq}}"
    assert row.options == {}


def test_an_unknown_row_is_a_usage_error(bench, capsys):
    assert bench("--rows", "recipes/rtn@w3a3") == 2
    assert "but got 'recipes/rtn@w3a3'" in capsys.readouterr().err


@pytest.fixture(scope="module")
def recipes():
    """The names of the registered recipes."""
    shown = subprocess.run([BIN / "qllm-opt", "--help"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"--recipe-([a-z-]+)", shown))
    assert "rtn" in names
    return names


def test_every_recipe_of_the_tool_has_its_rows(recipes):
    rows = {row.name for row in settings.load(settings.FILE) if row.group == "recipes"}
    assert recipes <= rows, "a recipe needs an entry in benchmarks/results/rows.toml"


def test_layers_of_the_report_are_counted_without_the_branch_field():
    layer = {"name": "a", "state": "quantized", "weights": 100, "bytes": 60}
    other = {"name": "b", "state": "excluded", "weights": 100, "bytes": 400}
    assert measured.bits_per_weight({"layers": [layer, other]}) == pytest.approx(4.8)
    assert measured.bits_per_weight({"layers": [layer], "bits_per_weight": 5.5}) == 5.5
    assert measured.bits_per_weight({"layers": [other]}) is None


def test_subsets_split_the_windows():
    losses = {str(index): 0.0 for index in range(24)}
    losses["3"] = 8.0
    values = {name: math.log(measured.perplexity(losses, name)) for name in measured.SUBSETS}
    assert values == pytest.approx({"8": 1.0, "16": 0.0, "24": 1 / 3})
    assert pages.matrix([], {}).startswith("| 8 / 24 windows")


def test_every_recipe_has_a_page(recipes):
    for recipe in recipes:
        assert (ROOT / "docs" / "recipes" / f"{recipe}.md").exists(), recipe
