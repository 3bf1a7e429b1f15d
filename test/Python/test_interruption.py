# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Short forms of test/robustness: interrupted runs go on to the same bytes, failing calls are told, memory stays bounded."""
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BUILD = Path(os.environ.get("QLLM_BUILD", Path(__file__).resolve().parents[2] / "build" / "release"))
ROBUSTNESS = Path(__file__).resolve().parents[1] / "robustness"
sys.path.insert(0, str(ROBUSTNESS))

import runs  # noqa: E402


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    folder = tmp_path_factory.mktemp("interruption")
    result = runs.arguments("").parse_args(["--layers", "2"])
    runs.prepare(result, folder)
    return result


@pytest.fixture(scope="module")
def undisturbed(options, tmp_path_factory):
    """A run that nobody interrupts, and the digest of its result."""
    output = tmp_path_factory.mktemp("undisturbed") / "out"
    run = runs.Run(runs.command(options, "qllm-plus", output, "--no-journal")).check()
    return run, runs.digest(output)


def script(name, *words):
    result = subprocess.run([sys.executable, str(ROBUSTNESS / name), *words], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def interrupt(words, journal: Path, number: int, pieces: int = 3):
    """Sends a signal once the journal has some records."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    log = journal / "log"
    while process.poll() is None and not (log.exists() and log.read_bytes().count(b"qlmjrnl1") > pieces):
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate()
    return process.returncode, errors


def test_killed_runs_go_on_to_the_same_bytes():
    assert "every result the same bytes" in script("kills.py", "--kills", "4", "--layers", "2", "--recipe", "qllm-plus", "--recipe", "smoothquant")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_say_that_the_run_goes_on(options, undisturbed, tmp_path, number):
    words = runs.command(options, "qllm-plus", tmp_path / "out")
    code, errors = interrupt(words, tmp_path / "out.journal", number)
    assert code == 128 + number and "the same command goes on" in errors
    assert not (tmp_path / "out").exists()
    again = runs.Run(words).check()
    # What is finished is not done again; what that saves, test/robustness/kills.py measures.
    assert int(re.search(r"going on from .* with (\d+) finished pieces", again.stderr)[1]) >= 3
    assert runs.remains(tmp_path / "out") == []
    full, digest = undisturbed
    assert runs.digest(tmp_path / "out") == digest


def test_a_report_and_validation_of_a_run_that_goes_on(options, tmp_path):
    """Both are of the whole run: they look at modules, which are made again from the journal."""
    reports = {}
    for name in ("whole", "resumed"):
        words = runs.command(options, "qllm-plus", tmp_path / name, "--validate", "--report", str(tmp_path / f"{name}.html"),
                             "--report-windows=1", "--report-length=32")
        if name == "resumed":
            interrupt(words, tmp_path / "resumed.journal", signal.SIGKILL)
        run = runs.Run(words).check()
        assert ("going on from" in run.stderr) == (name == "resumed")
        reports[name] = json.loads((tmp_path / name / "report.json").read_text())
    whole, resumed = reports.values()
    assert len(whole["validation"]) == len(whole["passes"]) and whole["measurements"]["losses"]
    for key in ("validation", "measurements", "coverage"):
        assert resumed[key] == whole[key], key
    assert "Each pass, run before and after" in (tmp_path / "resumed.html").read_text()


def test_other_options_start_from_the_beginning(options, undisturbed, tmp_path):
    other = runs.command(options, "qllm-plus", tmp_path / "out", "--group-size=32", "--granularity=group")
    code, _ = interrupt(other, tmp_path / "out.journal", signal.SIGKILL)
    assert code == -signal.SIGKILL
    run = runs.Run(runs.command(options, "qllm-plus", tmp_path / "out")).check()
    assert "is of a run with other passes; starting from the beginning" in run.stderr
    assert runs.digest(tmp_path / "out") == undisturbed[1]


def test_a_torn_record_is_cut_off(options, undisturbed, tmp_path):
    words = runs.command(options, "qllm-plus", tmp_path / "out")
    interrupt(words, tmp_path / "out.journal", signal.SIGKILL)
    log = tmp_path / "out.journal" / "log"
    os.truncate(log, log.stat().st_size - 5)
    runs.Run(words).check()
    assert runs.digest(tmp_path / "out") == undisturbed[1]


def test_two_runs_do_not_share_a_journal(options, tmp_path):
    (tmp_path / "out.journal").mkdir()
    with open(tmp_path / "out.journal" / "log", "w") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        run = runs.Run(runs.command(options, "gptq", tmp_path / "out"))
    assert run.code == 1 and "another run is writing this result" in run.stderr
    shutil.rmtree(tmp_path / "out.journal")


def test_failing_calls_are_told():
    text = script("faults.py", "--layers", "1", "--recipe", "gptq", "--calls", "write,rename", "--most", "4")
    assert "4 failures of write" in text and "the same bytes with every write cut short" in text


def test_one_digest():
    assert "1 digest of 4 runs" in script("determinism.py", "--runs", "1", "--layers", "1", "--recipe", "gptq")


@pytest.mark.skipif("QLLM_SANITIZE:STRING=address" in (BUILD / "CMakeCache.txt").read_text(), reason="sanitizers take memory of their own")
def test_models_larger_than_memory():
    assert script("large.py", "--gib", "1", "--layer-mib", "64", "--limit-gib", "0.5").count("allowed") == 2
