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


# With a plan, so that there are sites; tokens are drawn from the small vocabulary.
CALIBRATED = {
    "smooth": ["-qllm-smooth=calibration={data} calibration-length=16 sites=attention-input,attention-output,feed-forward-input,feed-forward-output alpha=0.6"],
    "smooth-searched": ["-qllm-smooth=calibration={data} calibration-length=16 search=layer step=0.25"],
    "smooth-model": ["-qllm-smooth=calibration={data} calibration-length=16 search=model step=0.5"],
    "shift": ["-qllm-shift-channels=calibration={data} calibration-length=16"],
    "shift-middle": ["-qllm-shift-channels=calibration={data} calibration-length=16 by=middle"],
    "permute": ["-qllm-permute-channels=calibration={data} calibration-length=16 clusters=4"],
}


@pytest.mark.parametrize("kind", CALIBRATED)
@pytest.mark.parametrize("name", ["llama-dynamo-18", "bert-dynamo-18"])
def test_calibrated_transforms_are_equivalent(name, kind, converted, tmp_path):
    module, feeds, before = converted(name)
    np.save(tmp_path / "data.npy", np.random.default_rng(3).integers(0, 96, 4096))
    passes = [text.format(data=tmp_path / "data.npy") for text in CALIBRATED[kind]]
    plan = "-qllm-plan-rounding=weight-bits=4 activation-bits=4"
    output, text, _ = transform(module, [plan, *passes], tmp_path)
    after = interpret(output, feeds, tmp_path)
    for key, want in before.items():
        np.testing.assert_allclose(after[key], want, atol=2e-4, rtol=2e-3, err_msg=key)
    operation = {"s": "scale", "p": "permute"}[kind[0]] if not kind.startswith("shift") else "shift"
    assert f"qllm.{operation}_channels" in text


def test_smoothing_costs_nothing_at_run_time(converted, tmp_path):
    """Into gains of norms, rows of up, and rows of v, whose heads serve two query heads each."""
    module, _, _ = converted("llama-dynamo-18")
    np.save(tmp_path / "data.npy", np.random.default_rng(3).integers(0, 96, 4096))
    passes = ["-qllm-plan-rounding=weight-bits=4", CALIBRATED["smooth"][0].format(data=tmp_path / "data.npy")]
    _, text, _ = transform(module, passes, tmp_path)
    assert run_time_operations(text) == [] and "qllm.kept" not in text
    # q, k, v, o, gate, up and down of two layers know with which alpha.
    assert len(re.findall("qllm.smooth_alpha = 6", text)) == 14


def test_orders_fold_into_gate_and_up(converted, tmp_path):
    """Behind norms they stay, with the reason; in front of down they are rows of both factors."""
    module, _, _ = converted("llama-dynamo-18")
    np.save(tmp_path / "data.npy", np.random.default_rng(3).integers(0, 96, 4096))
    passes = ["-qllm-plan-rounding=weight-bits=4", CALIBRATED["permute"][0].format(data=tmp_path / "data.npy")]
    _, text, _ = transform(module, passes, tmp_path)
    assert run_time_operations(text) == ["qllm.permute_channels"] * 4
    assert text.count('qllm.kept = "a norm cannot take it over"') == 4


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


def test_no_weight_stays_behind(converted, tmp_path):
    """Rows of a weight that lies transposed are rewritten where it lies; the transposition goes."""
    module, _, _ = converted("llama-dynamo-18")
    _, text, _ = transform(module, TRANSFORMS["all"] + ["-qllm-plan-rounding=weight-bits=4", "-qllm-quantize-weights"], tmp_path)
    # Of every linear layer's weight, float values are gone: only those of the head and the embedding stay.
    assert len(re.findall(r'onnx.Initializer "(?!hadamard)[^"]*" = .*tensor<\d+x\d+xf32>', text)) == 2
