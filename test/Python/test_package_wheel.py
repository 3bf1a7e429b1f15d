# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`pip` builds a wheel out of the tree, which works where it is installed; the compiler itself is the one that is built already."""

import os
import subprocess
import sys

import package

SCRIPT = f"""
import qllm
model = qllm.quantize(qllm.load({str(package.LLAMA)!r}), weight_bits=4)
print(model.perplexity(range(96), 1, 96) > 1, qllm.__file__)
"""


def test_pip_installs_the_package(tmp_path):
    # The long name: pip 23.0 has no other.
    settings = {"build-dir": tmp_path / "build", "cmake.define.QLLM_BUILD": package.BUILD.resolve()}
    options = [f"--config-settings={name}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index",
               *options, "--target", tmp_path / "site", package.ROOT]
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    environment = dict(os.environ, PYTHONPATH=str(tmp_path / "site"))
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert result.stdout.split() == ["True", str(tmp_path / "site/qllm/__init__.py")], result.stderr
    files = {path.name for path in (tmp_path / "site/qllm").iterdir()}
    assert {"libqllm-c.so.1", "_qllm.pyi", "py.typed", "tune"} <= files
