# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Long work shows a bar with the time left on a terminal, and plain lines elsewhere."""
import os
import pty
import re
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")) / "bin"
LLAMA = ROOT / "test/Inputs/models/llama-dynamo-18.onnx"


def on_terminal(*words):
    """What the log of a run is on a terminal."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([str(BIN / "qllm"), *map(str, words)], stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert process.wait() == 0, shown
    return shown.decode()


def elsewhere(*words):
    return subprocess.run([str(BIN / "qllm"), *map(str, words)], capture_output=True, text=True, check=True).stderr


def test_bars_and_lines(tmp_path):
    np.save(tmp_path / "tokens.npy", np.arange(40000) * 7919 % 96)
    evaluate = ["eval", LLAMA, "--tokens", tmp_path / "tokens.npy", "--windows=100", "--window-length=256"]
    shown = on_terminal(*evaluate)
    assert re.search(r"evaluate \[=* *\] \d+/100, .* left.*, \d+ MB", shown), shown
    assert "time left not known yet" in shown and re.search(r"\d+ s left", shown), shown
    assert shown.endswith("\r\x1b[K")  # nothing stays behind
    plain = elsewhere(*evaluate)
    assert re.fullmatch(r"(evaluate: \d+ of 100, .* left\n)*evaluate: 100 done in [\d.]+ s\n", plain), plain
    # Steps within steps: the passes, the sites of a pass, the parts of a report, the export.
    shown = on_terminal("quantize", LLAMA, "--recipe=gptq", "--weight-bits=4", "--calibration", tmp_path / "tokens.npy", "--calibration-windows=2", "--calibration-length=32",
                        "--report-windows=2", "--report-length=32", "--report", tmp_path / "page.html", "-o", tmp_path / "out")
    for step in ("quantize", "qllm-quantize-sites", "write", "report: losses", "report: layers", "report: channels"):
        assert f"{step} [" in shown, (step, shown)
    assert "export [" in on_terminal("export", tmp_path / "out", "-o", tmp_path / "model.onnx")
    assert on_terminal(*evaluate, "--quiet") == ""
