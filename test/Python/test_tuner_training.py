# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tuner's training and what it writes. Skipped where PyTorch is not installed: it is an optional extra of the package."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import outlier_model

torch = pytest.importorskip("torch", reason="the tuner needs PyTorch")

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("QLLM_BUILD", ROOT / "build" / "release")) / "bin"
sys.path += [str(ROOT / "python"), str(ROOT / "integration" / "reference")]

import rtn_reference  # noqa: E402
from qllm.tune import command, losses, operators  # noqa: E402
from qllm.tune.model import Model  # noqa: E402
from qllm.tune.quantizers import fake_quantize  # noqa: E402
from qllm.tune.rounds import Settings, tune  # noqa: E402
from qllm.tune.structure import analyze  # noqa: E402

MODELS = ROOT / "test" / "Inputs" / "models"
W4A4 = ["--recipe", "rtn", "--weight-bits=4", "--activation-bits=4", "--kv-bits=4"]
IDS = (np.arange(24) * 7 % outlier_model.VOCABULARY)[None]


def qllm(*arguments):
    result = subprocess.run([BIN / "qllm", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[:2000]
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """original.onnx; raised/model.onnx: the same as qllm exports it; reassembled/model.onnx: its channels split and merged; tokens.npy."""
    place = tmp_path_factory.mktemp("tuner")
    outlier_model.write_model(place / "original.onnx", 3)
    outlier_model.write_tokens(place / "tokens.npy", 600)
    qllm("quantize", place / "original.onnx", "--recipe", "rtn", "--weight-bits=16", "--export", "onnx", "-o", place / "raised")
    qllm("quantize", place / "original.onnx", "--recipe", "qllm", *W4A4[2:], "--calibration", place / "tokens.npy",
         "--calibration-windows=4", "--calibration-length=24", "--stop-after=qllm-apply-reassembly", "--export", "onnx",
         "-o", place / "reassembled")
    return place


def run_tuner(folder, name, *options, source="raised"):
    arguments = [folder / source / "model.onnx", "--teacher", folder / "original.onnx", "--calibration", folder / "tokens.npy",
                 "--calibration-windows=4", "--calibration-length=24", "--layers-per-round=2", "--quiet", "-o", folder / name, *options]
    assert command.main([str(argument) for argument in arguments]) == 0
    return folder / name


def report(folder, **changes):
    """Losses of a run whose model is thrown away."""
    model, teacher = Model(folder / "raised" / "model.onnx"), Model(folder / "original.onnx")
    windows = command.load_windows(folder / "tokens.npy", 4, 24)
    return tune(model, analyze(model), teacher, analyze(teacher), windows, Settings(**changes), lambda line: None)


def run_onnx(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(["logits"], {"input_ids": IDS})[0]


@pytest.mark.parametrize("name", [path.stem for path in sorted(MODELS.glob("llama-*.onnx")) if "genai" not in path.stem and
                                  "cache" not in path.stem] + ["bert-dynamo-23"])
def test_operators_compute_what_onnxruntime_does(name):
    model, sample = Model(MODELS / f"{name}.onnx"), np.load(MODELS / f"{name}.npz")
    values = {"": None} | {key: operators.to_tensor(model.array(key)) for key in model.tensors}
    values |= {key[3:]: torch.from_numpy(sample[key]) for key in sample if key.startswith("in.")}
    for node in model.graph.node:
        values |= zip(node.output, operators.apply(node, [values[key] for key in node.input]))
    for value in model.graph.output:
        np.testing.assert_allclose(values[value.name].numpy(), sample["out." + value.name], atol=2e-5)


def test_an_operator_without_a_rule_is_named():
    node = onnx.helper.make_node("LSTM", ["x"], ["y"], name="recurrent")
    with pytest.raises(command.TuneError, match="expected operators that the tuner can execute, but 'recurrent' is a LSTM"):
        operators.apply(node, [torch.zeros(1)])


def test_operands_that_do_not_fit_are_an_error():
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    with pytest.raises(command.TuneError, match="expected operands that fit the MatMul 'product', but got: "):
        operators.apply(node, [torch.zeros(2, 3), torch.zeros(4, 5)])


@pytest.mark.parametrize("bits", [2, 4, 8, 16])
def test_quantizers_are_those_of_the_reference_and_pass_gradients(bits):
    x = np.random.default_rng(bits).normal(1, 3, (5, 7, 33)).astype(np.float32)
    np.testing.assert_array_equal(fake_quantize(torch.from_numpy(x), bits).numpy(), rtn_reference.fake_quantize(x, bits))
    leaf = torch.from_numpy(x).requires_grad_()
    fake_quantize(leaf, bits).sum().backward()
    # The gradient of the middle of a row passes unchanged; its ends carry what the range adds.
    inside = (x > x.min(-1, keepdims=True)) & (x < x.max(-1, keepdims=True))
    np.testing.assert_allclose(leaf.grad.numpy()[inside], 1, atol=1e-5)


def test_no_epochs_change_nothing(folder):
    tuned = run_tuner(folder, "zero.onnx", "--epochs=0")
    np.testing.assert_array_equal(run_onnx(tuned), run_onnx(folder / "raised" / "model.onnx"))


def test_training_makes_the_error_of_the_stream_smaller(folder):
    before, after = report(folder, epochs=0, layers_per_round=2), report(folder, epochs=15, layers_per_round=2, learning_rate=5e-3)
    for one, other in zip(before["rounds"], after["rounds"]):
        assert other["branch_error"] < 0.9 * one["branch_error"]
        assert other["last_loss"] < other["first_loss"]
    assert after["final_norm"]["last_loss"] < after["final_norm"]["first_loss"]
    # Re-rounding is not what was trained: the gap is reported, not assumed to be none.
    assert all(entry["fused_error"] != entry["branch_error"] for entry in after["rounds"])


def test_the_branch_written_apart_is_the_same_float_function(folder):
    options = ("--epochs=2", "--learning-rate=5e-3", "--layers-per-round=3")
    fused, branch = run_tuner(folder, "fused.onnx", *options), run_tuner(folder, "branch.onnx", *options, "--keep-branch")
    assert np.abs(run_onnx(fused) - run_onnx(folder / "original.onnx")).max() > 1e-3
    # One round: both are trained alike. The last norm follows the stream, which is another one.
    fused, branch = (run_tuner(folder, name, *options, "--no-final-norm", *more) for name, more in
                     (("fused.onnx", ()), ("branch.onnx", ("--keep-branch",))))
    np.testing.assert_allclose(run_onnx(fused), run_onnx(branch), atol=1e-4)
    assert sum("/branch_down" in node.name for node in onnx.load(branch, load_external_data=False).graph.node) == 21


def test_what_is_trained_is_what_qllm_computes(folder):
    """The rounded model in the interpreter, against the stream that training saw."""
    tuned = run_tuner(folder, "checked.onnx", "--epochs=2")
    qllm("quantize", tuned, *W4A4, "-o", folder / "checked")
    np.save(folder / "ids.npy", IDS)
    qllm("run", folder / "checked", "--input", f"input_ids={folder / 'ids.npy'}", "-o", folder / "checked.npz")
    found = np.load(folder / "checked.npz")["logits"]
    expected = student_logits(tuned)
    exact = run_onnx(folder / "original.onnx")
    # Far nearer to each other than to the float model; codes on a border may fall either way.
    assert np.abs(found - expected).mean() < 0.05 * np.abs(found - exact).mean()


def student_logits(path):
    from qllm.tune.student import Student
    model = Model(path)
    structure = analyze(model)
    student = Student(model, structure, torch.from_numpy(IDS), 4, 4)
    with torch.no_grad():
        stream = student.embed(torch.from_numpy(IDS))
        for index, layer in enumerate(structure.layers):
            student.add_branches(layer, 4, 4, 0.25)
            stream = student.layer(index, stream)
        nodes = list(model.graph.node)
        behind = nodes[nodes.index(structure.final_norm) :]
        head = [node for node in nodes if node.op_type == "Transpose" and model.is_initializer(node.input[0])]
        return student.run(head + behind, {structure.layers[-1].end: stream}, "logits").numpy()


def test_a_reassembled_model_is_corrected_and_keeps_its_gathers(folder):
    """The published chain: the float model with split and merged channels is another function, which training brings nearer."""
    exact = run_onnx(folder / "original.onnx")
    results = {}
    for name, options in (("before", ["--epochs=0"]), ("after", ["--epochs=30", "--learning-rate=5e-3"])):
        tuned = run_tuner(folder, f"{name}.onnx", *options, source="reassembled")
        qllm("quantize", tuned, *W4A4, "-o", folder / name)
        np.save(folder / "ids.npy", IDS)
        qllm("run", folder / name, "--input", f"input_ids={folder / 'ids.npy'}", "-o", folder / f"{name}.npz")
        results[name] = np.square(np.load(folder / f"{name}.npz")["logits"] - exact).mean()
        # Gathers of channels on the stream; those on weights are folded into them.
        graph = onnx.load(tuned, load_external_data=False).graph
        nodes, weights = graph.node, {tensor.name for tensor in graph.initializer}
        assert sum(node.op_type == "Gather" and "merge_channels" in node.name for node in nodes) >= 2 * 3 * 3
        assert [node.name for node in nodes if node.op_type == "Transpose" and node.input[0] in weights] == ["lm_head/transposed"]
    assert results["after"] < 0.95 * results["before"]


def test_the_final_norm_gets_a_bias(folder):
    graph = onnx.load(run_tuner(folder, "norm.onnx", "--epochs=1")).graph
    added = [node for node in graph.node if node.op_type == "Add" and node.input[1].endswith("_bias")]
    assert len(added) == 1
    without = onnx.load(run_tuner(folder, "plain.onnx", "--epochs=1", "--no-final-norm")).graph
    assert not [node for node in without.node if node.op_type == "Add" and node.input[1].endswith("_bias")]


def test_equal_runs_write_equal_bytes(folder):
    files = [run_tuner(folder, f"same-{number}.onnx", "--epochs=1") for number in (1, 2)]
    one, two = (Path(f"{file}.data").read_bytes() for file in files)
    assert one == two
    assert Path(f"{run_tuner(folder, 'seed.onnx', '--epochs=1', '--seed=3')}.data").read_bytes() != one


def test_sinks_are_found_by_size_and_can_be_left_out():
    target = torch.ones(1, 10, 4)
    target[0, 0] = 500
    output = target + 1
    output[0, 0] += 99
    assert losses.sink_tokens(target)[0].tolist() == [True] + [False] * 9
    assert losses.distance(output, target).item() == pytest.approx((100**2 + 9) / 10)
    assert losses.distance(output, target, skip_sinks=True).item() == pytest.approx(1)
    assert losses.distance(output, target, per_token=True).item() == pytest.approx((0.04 + 9) / 10)
