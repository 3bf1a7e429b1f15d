# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""demo/run.py with a stand-in for the qllm tool: what it asks the tool for, and what it makes of the answers."""
import json
import math
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path += [str(ROOT / "demo"), str(ROOT / "utils")]

import run  # noqa: E402
from measure import CommandFailed, measure  # noqa: E402

# Loss 1 on the 16 windows that the references were taken on, 4 on the others.
TOOL = """#!{python}
import json, pathlib, sys
if sys.argv[1] == "quantize":
    folder = pathlib.Path(sys.argv[-1])
    folder.mkdir()
    (folder / "model.mlirbc").write_bytes(b"x" * 1000)
    (folder / "plan.mlir").write_bytes(b"y" * 50)
    (folder / "arguments.json").write_text(json.dumps(sys.argv[1:]))
else:
    losses = [1 if i % 3 < 2 else 4 for i in range({windows})]
    print(json.dumps({{"perplexity": 7.0, "losses": losses}}))
"""


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """A bin folder with the stand-in and a prepared model; returns a function that runs the demo."""
    model = tmp_path / "m.onnx"
    model.write_bytes(b"m" * 10)
    (tmp_path / "m.onnx.data").write_bytes(b"d" * 90)
    monkeypatch.setattr(run, "prepare", lambda folder: {"model": model, "eval": tmp_path / "eval.npy"})

    def demo(*arguments, windows=24, text=TOOL):
        tool = tmp_path / "qllm"
        tool.write_text(text.format(python=sys.executable, windows=windows))
        tool.chmod(0o755)
        monkeypatch.setattr(sys, "argv", ["run.py", "--folder", str(tmp_path), "--bin", str(tmp_path), *arguments])
        return run.main()

    demo.folder = tmp_path
    return demo


def test_a_row_asks_for_its_bits_and_counts_only_the_stored_model(stage, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROWS", [run.Row("RTN W4A8", 4, 8, 6, math.e, 0.01)])
    assert stage() == 0
    arguments = json.loads((stage.folder / "rtn-w4a8" / "arguments.json").read_text())
    assert {"quantize", "rtn", "--weight-bits=4", "--activation-bits=8", "--kv-bits=6"} <= set(arguments)
    cells = [cell.strip() for cell in capsys.readouterr().out.splitlines()[2].split("|")[1:-1]]
    assert cells[:9] == ["RTN W4A8", "4", "8", "6", "7.00", "2.72", "2.72", "+0.0% (at most 1%)", "1,000"]


def test_the_float_row_is_not_quantized(stage, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROWS", [run.Row("FP32", 16, 16, 16)])
    assert stage() == 0
    cells = [cell.strip() for cell in capsys.readouterr().out.splitlines()[2].split("|")[1:-1]]
    assert cells[0] == "FP32" and cells[6:10] == ["", "", "100", ""]
    assert not (stage.folder / "fp32").exists()


def test_a_perplexity_too_far_from_its_reference_is_exit_code_3(stage, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROWS", [run.Row("RTN W8A8", 8, 8, 8, 2.6, 0.01)])
    assert stage() == 3
    assert "+4.5% (at most 1%) TOO FAR" in capsys.readouterr().out


def test_write_stores_the_printed_table(stage, monkeypatch, capsys):
    monkeypatch.setattr(run, "ROWS", [run.Row("RTN W8A8", 8, 8, 8)])
    stage("--write", str(stage.folder / "page.md"))
    assert capsys.readouterr().out.strip() in (stage.folder / "page.md").read_text()


def test_a_report_with_another_number_of_windows_is_refused(stage, monkeypatch):
    monkeypatch.setattr(run, "ROWS", [run.Row("FP32", 16, 16, 16)])
    with pytest.raises(CommandFailed, match="expected 24 losses from 'qllm eval', but got 23"):
        stage(windows=23)


def test_a_failing_tool_is_named_with_its_log(stage, monkeypatch):
    monkeypatch.setattr(run, "ROWS", [run.Row("RTN W8A8", 8, 8, 8)])
    with pytest.raises(CommandFailed, match="ended with exit code 3\nno such weight"):
        stage(text="#!/bin/sh\necho no such weight >&2\nexit 3\n")


def test_an_unknown_row_is_a_usage_error(stage, capsys):
    with pytest.raises(SystemExit) as error:
        stage("--rows", "FP32,W3A3")
    assert error.value.code == 2
    assert "but got 'W3A3'" in capsys.readouterr().err


def test_measure_reads_cpu_time_and_peak_memory_of_the_command_alone():
    ballast = bytearray(300 << 20)  # the caller's own memory must not be counted
    work = "import time; data = bytearray(100 << 20); start = time.process_time()\nwhile time.process_time() < start + 0.3: pass"
    cost = measure([sys.executable, "-c", work])
    assert len(ballast) == 300 << 20
    assert 0.3 <= cost.cpu < 3 and cost.wall > 0.2
    assert 100 << 20 < cost.peak < 200 << 20


def test_measure_names_a_program_that_is_not_there():
    with pytest.raises(CommandFailed, match="(?s)exit code 127.*cannot start 'no-such-program'"):
        measure(["no-such-program"])
