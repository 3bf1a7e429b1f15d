# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The examples of docs/python.md run in order, and that of docs/c-api.md compiles without a warning and runs."""

import re
import subprocess

import onnx
import outlier_model
import package
import pytest


def blocks(page, language):
    text = (package.ROOT / "docs" / page).read_text()
    for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start(1)), match.group(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("examples")
    outlier_model.write_model(place / "model.onnx", 2)
    outlier_model.write_tokens(place / "ids.npy", 13000, 0)
    return place


def test_python_examples(folder, monkeypatch):
    monkeypatch.chdir(folder)
    scope = {}
    examples = list(blocks("python.md", "python"))
    assert len(examples) > 8
    for line, code in examples:
        # Empty lines in front, so that a traceback names the line of the page.
        exec(compile("\n" * line + code, str(package.ROOT / "docs/python.md"), "exec"), scope)
    for name in ("model-w4a4.onnx", "w4.onnx"):
        onnx.checker.check_model(str(folder / name))
    assert b".target sm_90a" in (folder / "kernels.ptx").read_bytes()


def test_c_example(folder):
    ((_, code),) = blocks("c-api.md", "c")
    (folder / "example.c").write_text(code)
    library = package.BUILD.resolve() / "lib"
    subprocess.run(["clang-22", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{package.ROOT / 'include'}", "example.c", f"-L{library}",
                    "-lqllm-c", f"-Wl,-rpath,{library}", "-o", "example"], cwd=folder, check=True)
    subprocess.run(["./example"], cwd=folder, check=True)
    onnx.checker.check_model(str(folder / "model-w4.onnx"))
