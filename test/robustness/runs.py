# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the scripts of this folder share: models, runs of the tool, and digests of what they write."""
import argparse
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("QLLM_BUILD", SOURCE / "build" / "release"))
QLLM = BUILD / "bin" / "qllm"
sys.path.insert(0, str(SOURCE / "test" / "Python" / "support"))

# One setting of every recipe that looks at activations, and of two that do not.
RECIPES = {
    "qllm": ["--weight-bits=4", "--activation-bits=4"],
    "qllm-plus": ["--weight-bits=4", "--activation-bits=4", "--kv-bits=4"],
    "gptq": ["--weight-bits=3"],
    "norm-tweaking": ["--weight-bits=3"],
    "eora": ["--weight-bits=3", "--granularity=channel", "--rank=8"],
    "svdquant": ["--rank=8", "--group-size=32", "--activation-group-size=32", "--grid=4", "--iterations=5"],
    "smoothquant": ["--weight-bits=8", "--activation-bits=8", "--search=layer"],
    "smoothquant-plus": ["--weight-bits=4", "--group-size=32"],
    "rptq": ["--weight-bits=4", "--activation-bits=4", "--clusters=8"],
    "quarot": ["--weight-bits=4", "--activation-bits=4", "--kv-bits=4"],
    "adadim": ["--weight-bits=3", "--group-size=32"],
    "finequant": ["--weight-bits=4"],
    "rtn": ["--weight-bits=4"],
}
UNCALIBRATED = {"rtn", "finequant"}


def arguments(text: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--model", type=Path, help="an ONNX model; made here by default")
    parser.add_argument("--calibration", type=Path, help="its tokens")
    parser.add_argument("--layers", type=int, default=4, help="layers of the model made here")
    parser.add_argument("--recipe", action="append", choices=RECIPES, help="default: all")
    parser.add_argument("--seed", type=int, default=1)
    return parser


def prepare(options, folder: Path) -> None:
    """Makes the model and the tokens that the options do not name."""
    if options.model:
        return
    import outlier_model

    options.model, options.calibration = folder / "model.onnx", folder / "calib.npy"
    outlier_model.write_model(options.model, options.layers)
    outlier_model.write_tokens(options.calibration, 4000, 1)


def scratch() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="qllm-robustness-")


def command(options, recipe: str, output: Path, *more: str) -> list:
    words = [QLLM, "quantize", options.model, "--recipe", recipe, *RECIPES[recipe], "-o", output, *more]
    if recipe not in UNCALIBRATED:
        words += ["--calibration", options.calibration]
    return [str(word) for word in words]


def processor_seconds(process: int) -> float:
    """Of a process that may have ended but was not waited for."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Run:
    """A finished run: its exit code, stderr, and the wall and processor seconds that it took. `kill_after` is in processor
    seconds, so a busy machine does not move it to an earlier part of the run."""

    def __init__(self, words, kill_after=None, signal_number=9, **settings):
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        before = usage.ru_utime + usage.ru_stime
        start = time.monotonic()
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors, **settings)
            while kill_after is not None and os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if processor_seconds(process.pid) >= kill_after:
                    process.send_signal(signal_number)
                    break
                time.sleep(0.005)
            self.code = process.wait()
            errors.seek(0)
            self.stderr = errors.read()
        self.seconds = time.monotonic() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.processor_seconds = usage.ru_utime + usage.ru_stime - before

    def check(self, *codes) -> "Run":
        if self.code not in (codes or (0, 3)):
            raise SystemExit(f"exit code {self.code}, expected {codes or (0, 3)}:\n{self.stderr}")
        return self


def digest(folder: Path) -> str:
    """Of all names and all bytes below a folder."""
    total = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        total.update(f"{path.relative_to(folder)} {path.is_file()}\n".encode())
        if path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()


def remains(output: Path) -> list:
    """What a run has left beside its output."""
    return sorted(path.name for path in output.parent.iterdir() if path.name.startswith(output.name + "."))
