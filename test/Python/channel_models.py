# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every transform of channels leaves every small model of test/Inputs/models what it was: executed before and after on the
interpreter, with no quantizer anywhere."""

import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("QLLM_BUILD", SOURCE / "build" / "release")) / "bin"
MODELS = SOURCE / "test" / "Inputs" / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.onnx"))
LLAMAS = [name for name in NAMES if name.startswith("llama")]
TRANSFORMS = {
    "norm-gains": ["-qllm-fold-norm-gains"],
    "residual": ["-qllm-rotate-residual=seed=3"],
    "residual-untied": ["-qllm-rotate-residual=untie=true"],
    "residual-blocks": ["-qllm-rotate-residual=block=8"],
    "values": ["-qllm-rotate-heads=queries=false"],
    "queries": ["-qllm-rotate-heads=values=false"],
    "inputs": ["-qllm-rotate-inputs=signs=true"],
    "every-input": ["-qllm-rotate-inputs=targets=*"],
    "all": ["-qllm-rotate-residual", "-qllm-rotate-heads", "-qllm-rotate-inputs"],
}


def tool(name, *arguments):
    result = subprocess.run([BIN / name, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[:2000]
    return result


def interpret(module, feeds, folder):
    np.savez(folder / "in.npz", **feeds)
    tool("qllm-translate", "--run", module, f"--input={folder / 'in.npz'}", f"--output={folder / 'out.npz'}")
    return dict(np.load(folder / "out.npz"))


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A model with its linear layers as such, and what it computes: once for each name."""
    done = {}

    def make(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            shutil.copy(MODELS / f"{name}.onnx", folder / "model.onnx")
            tool("qllm-translate", "--import-onnx", folder / "model.onnx", "-o", folder / "model.mlir")
            module = folder / "converted.mlir"
            tool("qllm-opt", folder / "model.mlir", "-qllm-raise", "-convert-onnx-to-qllm", "-o", module)
            sample = dict(np.load(MODELS / f"{name}.npz"))
            feeds = {key[3:]: value for key, value in sample.items() if key.startswith("in.")}
            done[name] = module, feeds, interpret(module, feeds, folder)
        return done[name]

    return make


def transform(module, passes, folder):
    """The transformed module's path, its text, and the remarks."""
    output = module.with_name("transformed.mlir")  # beside the weights that it names
    log = tool("qllm-opt", module, *passes, "-o", output).stderr
    return output, output.read_text(), log


# Everything at once on every model; one by one on models that differ in what they are made of.
FEW = ["llama-dynamo-18", "llama-genai", "llama-optimum-18-cache", "vit-dynamo-18"]
CASES = [(name, kind) for name in NAMES for kind in TRANSFORMS if kind == "all" or name in FEW]


@pytest.mark.parametrize("name, kind", CASES)
def test_same_results(name, kind, converted, tmp_path):
    module, feeds, before = converted(name)
    output, _, _ = transform(module, TRANSFORMS[kind], tmp_path)
    after = interpret(output, feeds, tmp_path)
    assert before.keys() == after.keys()
    for key, want in before.items():
        # Products of rotated values are added up in another order.
        np.testing.assert_allclose(after[key], want, atol=1e-4, rtol=1e-3, err_msg=key)


def run_time_operations(text):
    """Channel operations on values with a dynamic shape: those that are left to be run for every token."""
    return re.findall(r"= (qllm\.(?:rotate|scale|shift|permute|split|merge)_channels) .* : tensor<\?", text)


@pytest.mark.parametrize("name", LLAMAS)
def test_residual_rotation_is_free(name, converted, tmp_path):
    """All in weights, but for a table that embedding and head share."""
    module, _, _ = converted(name)
    _, text, log = transform(module, TRANSFORMS["residual"], tmp_path)
    left = [] if "0 at run time" in log else ["qllm.scale_channels", "qllm.rotate_channels"] * 2
    assert sorted(run_time_operations(text)) == sorted(left)
    assert len(re.findall('qllm.kept = "', text)) == len(left) // 2
    _, text, log = transform(module, TRANSFORMS["residual-untied"], tmp_path)
    assert run_time_operations(text) == [] and "0 at run time" in log
    assert ("bytes" in log) == bool(left)


def test_some_table_is_shared(converted, tmp_path):
    """Otherwise the test above would say nothing about ties."""
    logs = [transform(converted(name)[0], TRANSFORMS["residual"], tmp_path)[2] for name in LLAMAS]
    assert any("2 at run time" in log for log in logs) and any("0 at run time" in log for log in logs)


@pytest.mark.parametrize("name", ["llama-dynamo-18", "llama-dynamo-23", "bert-dynamo-18", "vit-dynamo-18"])
def test_values_are_rotated_in_weights(name, converted, tmp_path):
    """Grouped heads, biases beside the layers, and attention of several exporters."""
    module, _, _ = converted(name)
    _, text, log = transform(module, TRANSFORMS["values"], tmp_path)
    assert "not rotated" not in log
    assert run_time_operations(text) == []
    # Rows of v and columns of o, signs and H, in two layers.
    assert len(re.findall("= qllm.rotate_channels", text)) == (4 if name.startswith("llama") else 8 - 2)


@pytest.mark.parametrize("name", LLAMAS)
def test_queries_and_keys_are_rotated_together(name, converted, tmp_path):
    module, _, _ = converted(name)
    _, text, log = transform(module, TRANSFORMS["queries"], tmp_path)
    assert log == ""
    assert run_time_operations(text) == ["qllm.rotate_channels"] * 4
