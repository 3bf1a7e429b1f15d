# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What the tuner finds in a graph, and what it says about input that it cannot use: all of it without PyTorch."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import outlier_model

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "python"))

from qllm.tune import command  # noqa: E402
from qllm.tune.model import Model  # noqa: E402
from qllm.tune.structure import analyze  # noqa: E402

MODELS = ROOT / "test" / "Inputs" / "models"
# Exports whose only input is token ids, in all spellings of norms and attention.
NAMES = ["llama-dynamo-18", "llama-dynamo-18-eager", "llama-dynamo-18-raw", "llama-dynamo-20", "llama-dynamo-23", "llama-dynamo-24"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return outlier_model.write_model(tmp_path_factory.mktemp("model") / "model.onnx", 3)


@pytest.fixture
def tokens(tmp_path):
    return outlier_model.write_tokens(tmp_path / "tokens.npy", 500)


def edit(source, target, change):
    proto = onnx.load(source)
    change(proto.graph)
    onnx.save(proto, target)
    return target


def fail(capsys, *arguments):
    assert command.main([str(argument) for argument in arguments]) == 1
    return capsys.readouterr().err.strip()


@pytest.mark.parametrize("name", NAMES)
def test_layers_and_linears_of_every_exporter(name):
    structure = analyze(Model(MODELS / f"{name}.onnx"))
    assert [len(layer.linears) for layer in structure.layers] == [7, 7]
    shapes = {(linear.inputs, linear.outputs) for linear in structure.layers[0].linears}
    # Weights behind a Transpose have no shape of their own in the file.
    assert shapes <= {(32, 64), (32, 32), (64, 32), (32, 48), (48, 32), (0, 0)}
    assert structure.layers[0].end == structure.layers[1].start


def test_fused_operators_are_found():
    structure = analyze(Model(MODELS / "llama-dynamo-23.onnx"))
    assert [(len(layer.norms), len(layer.attentions)) for layer in structure.layers] == [(2, 1), (2, 1)]
    assert structure.final_norm.op_type == "RMSNormalization"


def test_masks_and_positions_are_beside_the_stream(model):
    structure = analyze(Model(model))
    beside = {node.op_type for node in structure.side}
    assert {"Cos", "Sin", "LessOrEqual", "Where"} <= beside
    assert not beside & {"MatMul", "Softmax"}
    # The look-up alone comes before the first layer.
    assert [node.op_type for node in structure.prefix] == ["Gather"]


def test_dry_run_lists_what_would_be_trained(model, capsys):
    assert command.main([str(model), "--kv-bits=16", "--dry-run", "--rank=4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 * 8 + 1
    assert lines[0] == "layer 0: 7 linears, 0 norms, 0 attentions"
    assert lines[5] == "  /model/layers.0/mlp/gate_proj/MatMul 128 -> 192, 1280 parameters"


def test_it_runs_as_a_module_of_the_tree(model):
    command = [sys.executable, "-m", "qllm.tune", str(model), "--kv-bits=16", "--dry-run"]
    environment = dict(os.environ, PYTHONPATH=str(ROOT / "python"))
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0 and result.stdout.count("7 linears") == 3
    result = subprocess.run([*command, "--teacher=none.onnx"], capture_output=True, text=True, env=environment, check=False)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: expected an ONNX file, but found none at 'none.onnx'\n"


def test_arguments_are_checked(model, tokens, capsys):
    for arguments, message in (
        ([], "required: MODEL"), ([model], "expected --calibration and --output, or --dry-run"),
        ([model, "--dry-run", "--weight-bits=9"], "expected 2 to 8 bits, or 16 for none, but got 9"),
        ([model, "--dry-run", "--rank=0"], "expected a value above 0, but got 0"),
        ([model, "--dry-run", "--epochs=-1"], "expected 0 epochs or more, but got -1"),
        ([model, "--dry-run", "--loss=huber"], "invalid choice: 'huber'"),
    ):
        with pytest.raises(SystemExit) as error:
            command.main([str(argument) for argument in arguments])
        assert error.value.code == 2
        assert message in capsys.readouterr().err


def test_files_are_checked(model, tokens, tmp_path, capsys):
    assert fail(capsys, tmp_path / "no.onnx", "--dry-run") == f"error: expected an ONNX file, but found none at '{tmp_path}/no.onnx'"
    assert "expected an ONNX file, but '" in fail(capsys, tokens, "--dry-run")
    rest = ["--kv-bits=16", "-o", tmp_path / "out.onnx"]
    assert "does not read" in fail(capsys, model, "--calibration", model, *rest)
    np.save(tmp_path / "floats.npy", np.ones(10))
    assert "expected integers in" in fail(capsys, model, "--calibration", tmp_path / "floats.npy", *rest)
    message = fail(capsys, model, "--calibration", tokens, "--calibration-length=501", *rest)
    assert message == f"error: expected at least 501 tokens in '{tokens}', but got 500"
    np.save(tmp_path / "large.npy", np.arange(600))
    message = fail(capsys, model, "--calibration", tmp_path / "large.npy", *rest)
    assert message == f"error: expected token ids from 0 to 95 in '{tmp_path}/large.npy', but got 0 to 585"
    assert "expected an output other than the models that are read" in fail(
        capsys, model, "--calibration", tokens, "--kv-bits=16", "-o", model)


def test_weights_that_are_cut_off_are_named(model, tmp_path):
    (tmp_path / "model.onnx").write_bytes(model.read_bytes())
    (tmp_path / "model.onnx.data").write_bytes(Path(f"{model}.data").read_bytes()[:5000])
    broken = Model(tmp_path / "model.onnx")
    with pytest.raises(command.TuneError, match="bytes or more in '.*' for the tensor 'model.layers.2.mlp.down_proj.weight', but got 5000"):
        broken.array("model.layers.2.mlp.down_proj.weight")


def test_models_that_do_not_fit_are_refused(model, tmp_path, capsys):
    assert "expected one input, token ids, in" in fail(capsys, MODELS / "llama-optimum-18.onnx", "--dry-run")
    other = outlier_model.write_model(tmp_path / "two.onnx", 2)
    assert fail(capsys, model, "--teacher", other, "--kv-bits=16", "--dry-run") == "error: expected a teacher of 3 layers, but got 2"
    assert "expected an Attention operator in layer 0" in fail(capsys, model, "--dry-run")

    def read_tokens(graph):
        graph.node.insert(0, onnx.helper.make_node("Cast", ["input_ids"], ["seen"], name="peek", to=1))

    def halve(graph):
        weight = next(tensor for tensor in graph.initializer if tensor.name == "model.layers.1.mlp.up_proj.weight")
        weight.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(weight).astype(np.float16), weight.name))

    assert "expected a weight of float32 for the MatMul '/model/layers.1/mlp/up_proj/MatMul', but got float16" in fail(
        capsys, edit(model, tmp_path / "half.onnx", halve), "--dry-run")
    assert "the Cast 'peek' reads them" in fail(capsys, edit(model, tmp_path / "peek.onnx", read_tokens), "--dry-run")


def test_without_pytorch_only_training_is_refused(model, tokens, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in [name for name in sys.modules if name.startswith("qllm.tune.")]:
        if name.split(".")[-1] in ("rounds", "network", "student", "operators", "quantizers", "losses"):
            monkeypatch.delitem(sys.modules, name)
    message = fail(capsys, model, "--calibration", tokens, "--kv-bits=16", "-o", tmp_path / "out.onnx")
    assert "expected PyTorch, which the extra 'tuner' of this package installs" in message
    assert not (tmp_path / "out.onnx").exists()
    assert command.main([str(model), "--kv-bits=16", "--dry-run"]) == 0


def test_windows_follow_the_rule_of_all_tools(tmp_path):
    np.save(tmp_path / "tokens.npy", np.arange(1000))
    taken = command.load_windows(tmp_path / "tokens.npy", 4, 100)
    assert taken[:, 0].tolist() == [0, 300, 600, 900] and taken.shape == (4, 100)
