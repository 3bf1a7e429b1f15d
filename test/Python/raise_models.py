# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every small model of test/Inputs/models raises to one form and computes what it computed before, on the interpreter and,
exported, in ONNX Runtime."""

import json
import os
import pathlib
import re
import shutil
import subprocess

import numpy as np
import onnxruntime as ort
import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("QLLM_BUILD", SOURCE / "build" / "release")) / "bin"
MODELS = SOURCE / "test" / "Inputs" / "models"
NAMES = sorted(path.stem for path in MODELS.glob("*.onnx"))
# Two layers: two norms each and the last one, queries and keys turned, one attention.
LLAMA = {"RMSNormalization": 5, "RotaryEmbedding": 4, "Attention": 2}
ENCODER = {"LayerNormalization": 5, "Gelu": 2, "Attention": 2}
LLAMA_LAYER = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PACKED_LAYER = ["qkv_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ENCODER_LAYER = ["q_proj", "k_proj", "v_proj", "o_proj", "fc1", "fc2"]


def tool(name, *arguments):
    result = subprocess.run([BIN / name, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[:2000]
    return result


@pytest.fixture(scope="module")
def raised(tmp_path_factory):
    """Raises a model once: the module's path, its text, what the passes said."""
    done = {}

    def make(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            shutil.copy(MODELS / f"{name}.onnx", folder / "model.onnx")
            tool("qllm-translate", "--import-onnx", folder / "model.onnx", "-o", folder / "model.mlir")
            log = tool("qllm-opt", folder / "model.mlir", "-qllm-raise", "-o", folder / "raised.mlir").stderr
            done[name] = folder / "raised.mlir", (folder / "raised.mlir").read_text(), log
        return done[name]

    return make


def count(text, operation):
    return len(re.findall(rf"= onnx\.{re.escape(operation)}\(", text))


@pytest.mark.parametrize("name", NAMES)
def test_one_form(name, raised):
    _, text, log = raised(name)
    wanted = LLAMA if name.startswith("llama") else ENCODER
    assert {operation: count(text, operation) for operation in wanted} == wanted
    # Nothing of the decomposed forms is left, nothing of com.microsoft, and nothing was skipped.
    for operation in ("Softmax", "IsNaN", "Erf", "Tanh", "Pow", "Sqrt", "ReduceMean", "Neg"):
        assert count(text, operation) == 0, operation
    assert "onnx.ms." not in text and "remark" not in log


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("llama")])
def test_shared_heads(name, raised):
    """No key or value is repeated for its group of queries: that takes a tensor of rank 5."""
    _, text, _ = raised(name)
    assert not re.search(r"= onnx\.Expand\(.*-> tensor<(?:[0-9?]+x){5}f32>", text)


def expected_layers(name):
    layer = ENCODER_LAYER if not name.startswith("llama") else LLAMA_LAYER
    if name in ("llama-genai", "llama-genai-untied"):
        layer = PACKED_LAYER
    names = [f"layers.{i}.{part}" for i in range(2) for part in layer]
    return names + {"llam": ["lm_head"], "bert": [], "vit-": ["head"]}[name[:4]]


@pytest.mark.parametrize("name", NAMES)
def test_report(name, raised):
    module, _, _ = raised(name)
    products = json.loads(tool("qllm-opt", module, "-qllm-report-matmuls=json=true", "-o", os.devnull).stderr)
    linears = [p for p in products if p["quantizable"]]
    assert sorted(p["name"] for p in linears) == sorted(expected_layers(name))
    assert sum(p["kind"].startswith("Attention") for p in products) == 4
    assert all(p["reason"] for p in products if not p["quantizable"])
    assert all(p["weight_elements"] == p["input_size"] * p["output_size"] for p in linears)


def compared(name, sample):
    """Which tokens of the logits have a meaning: ONNX Runtime's Attention takes the lowest finite number for minus infinity, so
    a padded token (which sees nothing) differs there, though not in the operator's definition."""
    mask = sample.get("in.attention_mask")
    first = sample["out.logits" if "out.logits" in sample else "out.hidden"]
    if mask is None or not name.startswith("llama"):
        return np.ones(first.shape[:2], bool)
    return mask[:, -first.shape[1]:].astype(bool)


@pytest.mark.parametrize("name", NAMES)
def test_same_results(name, raised, tmp_path):
    module, _, _ = raised(name)
    tool("qllm-translate", "--export-onnx", module, "-o", tmp_path / "raised.onnx")
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(tmp_path / "raised.onnx", options, providers=["CPUExecutionProvider"])
    sample = dict(np.load(MODELS / f"{name}.npz"))
    got = session.run(None, {key[3:]: value for key, value in sample.items() if key.startswith("in.")})
    for output, value in zip(session.get_outputs(), got):
        want = sample["out." + output.name]
        assert value.shape == want.shape
        if output.name in ("logits", "hidden") and want.ndim == 3:
            value, want = (array[compared(name, sample)] for array in (value, want))
        np.testing.assert_allclose(value, want, atol=2e-5, rtol=1e-4)


def interpret(module, feeds, folder):
    np.savez(folder / "in.npz", **feeds)
    tool("qllm-translate", "--run", module, f"--input={folder / 'in.npz'}", f"--output={folder / 'out.npz'}")
    return dict(np.load(folder / "out.npz"))


@pytest.mark.parametrize("name", NAMES)
def test_same_on_the_interpreter(name, raised, tmp_path):
    """Padding included: the interpreter computes what the operators are defined to compute."""
    module, _, _ = raised(name)
    sample = dict(np.load(MODELS / f"{name}.npz"))
    feeds = {key[3:]: value for key, value in sample.items() if key.startswith("in.")}
    before, after = (interpret(m, feeds, tmp_path) for m in (module.with_name("model.mlir"), module))
    assert before.keys() == after.keys()
    for key, want in before.items():
        np.testing.assert_allclose(after[key], want, atol=2e-5, rtol=1e-4)
        np.testing.assert_allclose(want, sample["out." + key], atol=2e-5, rtol=1e-4)


def grouped_feeds(past, step, lengths):
    generator = np.random.default_rng(7)
    total = past + step
    feeds = {"input_ids": generator.integers(3, 96, (len(lengths), step))}
    feeds["attention_mask"] = np.array([[int(j < n) for j in range(total)] for n in lengths])
    for layer in range(2):
        for kind in ("key", "value"):
            cache = generator.standard_normal((len(lengths), 2, past, 16), dtype=np.float32)
            feeds[f"past_key_values.{layer}.{kind}"] = cache
    return feeds


@pytest.mark.parametrize("name", ["llama-genai", "llama-genai-unpacked"])
@pytest.mark.parametrize("past, step, lengths", [(5, 1, (6, 6)), (5, 3, (8, 8)), (5, 1, (6, 4)), (5, 2, (5, 7)), (0, 4, (4, 2))],
                         ids=["decode", "chunk", "ragged decode", "ragged chunk", "padded prompt"])
def test_grouped_attention_steps(name, past, step, lengths, raised, tmp_path):
    """A cache that grows, entries of equal and of different lengths. What lies behind an entry's end has no meaning."""
    module, _, _ = raised(name)
    feeds = grouped_feeds(past, step, lengths)
    before, after = (interpret(m, feeds, tmp_path) for m in (module.with_name("model.mlir"), module))
    for key, want in before.items():
        for entry, length in enumerate(lengths):
            valid = min(length, step) if past == 0 else step
            have = (after[key][entry, :valid], want[entry, :valid])
            if key != "logits":
                have = (after[key][entry, :, :length], want[entry, :, :length])
            np.testing.assert_allclose(*have, atol=2e-5, rtol=1e-4, err_msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_raised_models_quantize(name, raised, tmp_path):
    """The recipe finds every linear layer and every attention of the one form, by its readable name."""
    module, _, _ = raised(name)
    recipe = "weight-bits=8 activation-bits=8 kv-bits=8 include-head=true include-embedding=true ignore=layers.1.o_proj"
    log = tool("qllm-opt", module, f"--recipe-rtn={recipe}", "-o", tmp_path / "quantized.mlir").stderr
    assert all("onnx.Conv" in line for line in log.splitlines() if "remark: skipped" in line)
    text = (tmp_path / "quantized.mlir").read_text()
    linears = [line for line in text.splitlines() if "qllm.linear" in line]
    assert len(linears) == len(expected_layers(name))
    assert sum("!qllm.quantized" not in line for line in linears) == 1
    assert len(re.findall(r"onnx\.Attention\(", text)) == 2
