# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models in Python: the figures of the tool, arrays without copies, and errors that say what is wrong."""

import json
import logging
import subprocess

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import package
import pytest
import report_page

import qllm

WINDOWS = {"windows": 3, "window_length": 32}


@pytest.fixture(scope="module")
def model():
    return qllm.load(package.LLAMA)


@pytest.fixture(scope="module")
def quantized(model):
    return qllm.quantize(model, recipe="rtn", weight_bits=4, activation_bits=8, ignore=["*q_proj*"])


def tool(*arguments):
    result = subprocess.run([package.BUILD / "bin/qllm", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_figures_are_those_of_the_tool(quantized, tmp_path):
    np.save(tmp_path / "tokens.npy", package.TOKENS)
    tool("quantize", package.LLAMA, "--recipe", "rtn", "--weight-bits", 4, "--activation-bits", 8, "--ignore", "*q_proj*", "-o",
         tmp_path / "tool")
    report = json.loads((tmp_path / "tool/report.json").read_text())
    for key in ("recipe", "passes", "coverage"):
        assert quantized.report()[key] == report[key], key
    lines = tool("eval", tmp_path / "tool", "--tokens", tmp_path / "tokens.npy", "--windows", 3, "--window-length", 32, "--json")
    assert quantized.perplexity(package.TOKENS, **WINDOWS) == json.loads(lines)["perplexity"]
    quantized.save(tmp_path / "python")
    for name in ("model.mlirbc", "recipe.txt"):
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "tool" / name).read_bytes(), name


def test_save_writes_what_the_tool_writes(tmp_path):
    model = qllm.load(package.LLAMA)  # names of weights are numbered in a context
    np.save(tmp_path / "tokens.npy", package.TOKENS)
    tool("quantize", package.LLAMA, "--recipe", "qllm", "--weight-bits", 4, "--activation-bits", 4, "--calibration", tmp_path / "tokens.npy",
         "--calibration-windows", 2, "--calibration-length", 32, "--validate", "-o", tmp_path / "tool")
    q = qllm.quantize(model, "qllm", calibration=tmp_path / "tokens.npy", validate=True, journal=tmp_path / "journal", weight_bits=4,
                      activation_bits=4, calibration_windows=2, calibration_length=32)
    assert (tmp_path / "journal/log").stat().st_size > 0
    q.save(tmp_path / "python")
    assert not (tmp_path / "journal").exists()  # the result is safe
    files = sorted(path.name for path in (tmp_path / "tool").iterdir())
    assert files == ["model.mlirbc", "model.weights", "plan.mlir", "recipe.txt", "report.json"]
    for name in files:
        assert (tmp_path / "python" / name).read_bytes() == (tmp_path / "tool" / name).read_bytes(), name
    assert {record["outcome"] for record in q.report()["validation"]} >= {"held", "changed"}
    # What was decided can be taken over.
    again = qllm.quantize(model, "qllm", calibration=tmp_path / "tokens.npy", plan=tmp_path / "python/plan.mlir", weight_bits=4,
                          activation_bits=4, calibration_windows=2, calibration_length=32)
    assert again.perplexity(package.TOKENS, **WINDOWS) == q.perplexity(package.TOKENS, **WINDOWS)


JOURNALED = {"recipe": "qllm", "weight_bits": 4, "activation_bits": 4, "calibration_windows": 2, "calibration_length": 32}


def test_a_journal_goes_on_after_a_stop(model, tmp_path, caplog):
    """With tokens in memory, whose file has another name each time."""
    def stop(step, done, total):
        if step != "quantize" and done == 5:
            raise ZeroDivisionError

    expected = qllm.quantize(model, calibration=package.TOKENS, **JOURNALED)
    with pytest.raises(ZeroDivisionError):
        qllm.quantize(model, calibration=package.TOKENS, journal=tmp_path / "journal", progress=stop, **JOURNALED)
    with caplog.at_level(logging.INFO, "qllm"):
        found = qllm.quantize(model, calibration=package.TOKENS, journal=tmp_path / "journal", validate=True, **JOURNALED)
    assert f"going on from '{tmp_path / 'journal'}' with " in caplog.text
    assert any(line.startswith("validate: ") for line in caplog.messages)
    for name, each in (("a", expected), ("b", found)):
        each.save(tmp_path / name)
    assert (tmp_path / "a/model.weights").read_bytes() == (tmp_path / "b/model.weights").read_bytes()
    # A module that is in no file has a journal, too, and one of another model is not taken for it.
    raised = qllm.run_pipeline(model, "cse")
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.INFO, "qllm"):
            qllm.quantize(raised, calibration=package.TOKENS, journal=tmp_path / "other", **JOURNALED)
    assert "going on from" in caplog.text


def test_reports_are_measured_and_drawn(model, tmp_path):
    # A recipe whose float forms are made again with calibration from memory.
    q = qllm.quantize(model, "smoothquant", weight_bits=4, activation_bits=4, calibration=package.TOKENS, calibration_windows=2,
                      calibration_length=32)
    assert "measurements" not in q.report()
    report = q.report(tmp_path / "page.html", tokens=package.TOKENS, windows=2, window_length=64)
    assert report["measurements"]["losses"]["windows"] == 2
    assert report["measurements"]["losses"]["after"]["perplexity"] == pytest.approx(q.perplexity(package.TOKENS, 2, 64), rel=1e-6)
    assert [file["role"] for file in report["run"]["files"]][:1] == ["model"]
    assert {"<tokens>"} == {file["file"] for file in report["run"]["files"] if "calibration" in file["role"] or "tokens" in file["role"]}
    assert report["run"]["command"].startswith("qllm.quantize(model, recipe='smoothquant', calibration=<int64[")
    report_page.check_self_contained((tmp_path / "page.html").read_text())
    q.save(tmp_path / "python")
    assert json.loads((tmp_path / "python/report.json").read_text()) == report
    # The figures are those of the tool.
    np.save(tmp_path / "tokens.npy", package.TOKENS)
    tool("quantize", package.LLAMA, "--recipe", "smoothquant", "--weight-bits", 4, "--activation-bits", 4, "--calibration",
         tmp_path / "tokens.npy", "--calibration-windows", 2, "--calibration-length", 32, "--report-windows", 2, "--report-length", 64,
         "--report", tmp_path / "tool.html", "-o", tmp_path / "tool")
    assert json.loads((tmp_path / "tool/report.json").read_text())["measurements"] == report["measurements"]


def test_calibration_comes_from_memory_or_a_file(model, tmp_path, capfd):
    np.save(tmp_path / "tokens.npy", package.TOKENS)
    options = {"recipe": "smoothquant", "weight_bits": 8, "activation_bits": 8, "calibration_windows": 2, "calibration_length": 32}
    steps = []
    one = qllm.quantize(model, calibration=package.TOKENS, progress=lambda *step: steps.append(step), **options)
    two = qllm.quantize(model, calibration=tmp_path / "tokens.npy", **options)
    figures = [each.perplexity(package.TOKENS, **WINDOWS) for each in (one, two, model)]
    assert figures[0] == figures[1] != figures[2]
    assert steps[-1][0] == "quantize" and steps[-1][1] == steps[-1][2] == len(one.report()["passes"])
    assert "calibration=<tokens>" in one.report()["options"]
    assert capfd.readouterr() == ("", "")  # libraries do not print


def test_exports_run_elsewhere(model, tmp_path):
    path = tmp_path / "model.onnx"
    quantized = qllm.quantize(model, weight_bits=4)
    quantized.save_onnx(path, weights="qdq")
    tokens = package.TOKENS[None, :16]
    options = onnxruntime.SessionOptions()
    # Its optimizations replace products of dequantized weights by ones that quantize activations, too.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (expected,) = session.run(["logits"], {"input_ids": tokens})
    found = quantized.run({"input_ids": tokens})["logits"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    quantized.save(tmp_path / "model.mlir")
    again = qllm.load(tmp_path / "model.mlir")
    np.testing.assert_array_equal(again.run({"input_ids": tokens})["logits"], found)


def test_kernels_have_code_for_each_target(model):
    w4a8 = qllm.quantize(model, weight_bits=4, activation_bits=8)
    kernels = w4a8.kernels(["sm_80", "sm_90a"])
    assert set(kernels.binaries) == {"sm_80", "sm_90a"} and b".target sm_90a" in kernels["sm_90a"]
    assert any(name.startswith("linear_uint8_uint4") for name in kernels.names)
    assert "qk.launch" in str(kernels.module)


def test_pipelines_take_and_give_modules():
    module = qllm.parse("""
      func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
        %0 = onnx.Identity(%x) : (tensor<3xf32>) -> tensor<3xf32>
        %1 = onnx.Identity(%x) : (tensor<3xf32>) -> tensor<3xf32>
        %2 = onnx.Add(%0, %1) : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
        return %2 : tensor<3xf32>
      }""")
    once = qllm.run_pipeline(module, "cse")
    assert (str(module).count("onnx.Identity"), str(once).count("onnx.Identity")) == (2, 1)
    assert str(qllm.run_pipeline(module, "builtin.module(cse)")) == str(once)
    assert qllm.Model(once).run({"arg0": [1, 2, 3]})["result0"].tolist() == [2, 4, 6]


def identity(dtype):
    return qllm.Model(qllm.parse(f"func.func @main(%x: tensor<?xx{dtype}>) -> tensor<?xx{dtype}> {{ return %x : tensor<?xx{dtype}> }}"
                                 .replace("xx", "x")))


@pytest.mark.parametrize("mlir, dtype", [
    ("f32", np.float32), ("f64", np.float64), ("f16", np.float16), ("bf16", ml_dtypes.bfloat16), ("i1", np.bool_), ("i8", np.int8),
    ("ui16", np.uint16), ("i64", np.int64), ("i4", ml_dtypes.int4), ("ui4", ml_dtypes.uint4), ("f8E4M3FN", ml_dtypes.float8_e4m3fn),
    ("f4E2M1FN", ml_dtypes.float4_e2m1fn), ("complex<f32>", np.complex64)])
def test_every_type_goes_in_and_out(mlir, dtype):
    given = np.array([0, 1, 1, 0], dtype)
    output = identity(mlir).run({"arg0": given})["result0"]
    assert output.dtype == given.dtype and output.tolist() == given.tolist()
    assert output.flags.writeable and not np.shares_memory(output, given)


def test_outputs_own_memory_that_nothing_else_reads(model):
    tokens = package.TOKENS[None, :8]
    logits = model.run({"input_ids": tokens})["logits"]
    kept = logits.copy()
    logits[:] = 0  # neither a weight nor a value that a later run uses
    assert not logits.flags.owndata and np.array_equal(model.run({"input_ids": tokens})["logits"], kept)
    exchanged = np.from_dlpack(logits)
    assert np.shares_memory(exchanged, logits)


def test_inputs_are_what_has_dlpack_or_numbers():
    class Exchanged:
        def __init__(self, array):
            self.array = array

        def __dlpack__(self, **options):
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self):
            return self.array.__dlpack_device__()

    doubled = qllm.Model(qllm.parse("""
      func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> {
        %0 = onnx.Add(%x, %x) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
        return %0 : tensor<?xf32>
      }"""))
    array = np.arange(8, dtype=np.float32)
    for given in (Exchanged(array[:4]), array[:4].tolist(), array[:4]):
        assert doubled.run({"arg0": given})["result0"].tolist() == [0, 2, 4, 6]
    assert doubled.run({"arg0": array[::2]})["result0"].tolist() == [0, 4, 8, 12]


def test_a_proto_of_onnx_loads(model):
    other = qllm.load(onnx.load(package.LLAMA))
    tokens = {"input_ids": package.TOKENS[None, :8]}
    np.testing.assert_array_equal(other.run(tokens)["logits"], model.run(tokens)["logits"])


@pytest.mark.parametrize("call, message", [
    (lambda m: qllm.load("nowhere.onnx"), "expected a model at 'nowhere.onnx', but found no file"),
    (lambda m: qllm.quantize(m, recipe="rtm"), "got 'rtm', did you mean 'rtn'"),
    (lambda m: qllm.quantize(m, weight_bits=99), "expected 2 to 8 bits, or 16 for floats, as weight-bits, but got 99"),
    (lambda m: qllm.quantize(m, weight_bit=4), "weight-bit"),
    (lambda m: qllm.quantize(m, recipe="gptq"), "expected tokens as calibration"),
    (lambda m: qllm.quantize(m, recipe="gptq", calibration=np.zeros(4, np.float32)), "expected integers as tokens, but got tensor<4xf32>"),
    (lambda m: m.perplexity(np.arange(8)), "windows of 512 tokens and a text of 8"),
    (lambda m: m.perplexity(np.full(64, 96), 1, 64), "expected an index in [-96, 96), but got 96"),
    (lambda m: m.run({"input_ids": np.zeros(3, np.int64)}), "for input 'input_ids', but got tensor<3xi64>"),
    (lambda m: m.kernels("sm_90a"), "no operation of the model has a kernel"),
    (lambda m: m.kernels("sm_1"), "but got 'sm_1'"),
    (lambda m: m.save_onnx("model.onnx", weights="int3"), "int3"),
    (lambda m: m.save_checkpoint("out", format="gguf"), "expected compressed-tensors or gptq, but got 'gguf'"),
    (lambda m: qllm.parse("func.func @f() {\n  oops\n}"), "2:3: "),
    (lambda m: qllm.parse("{" * 100000), "levels of nesting"),
    (lambda m: m.report("page.html"), "expected a model that a recipe has just quantized"),
    (lambda m: qllm.quantize(m, plan="plan.mlir"), "expected a plan.mlir of an earlier run, but found no file 'plan.mlir'"),
    (lambda m: qllm.quantize(m, stop_after="nowhere"), "expected one of the stages "),
    (lambda m: qllm.quantize(m, journal="/dev/null/journal"), "'/dev/null/journal': cannot create the journal"),
    (lambda m: qllm.quantize(m).report("page.html"), "a report is measured on tokens"),
    (lambda m: qllm.quantize(m).report(tokens=package.TOKENS, windows=-1), "-1"),
    (lambda m: qllm.run_pipeline(m, "no-such-pass"), "'no-such-pass' does not refer to a registered pass"),
])
def test_errors_carry_the_diagnostics(model, call, message, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(qllm.QllmError) as raised:
        call(model)
    assert message in str(raised.value) and raised.value.diagnostics
    assert capfd.readouterr() == ("", "") and not list(tmp_path.iterdir())


def test_diagnostics_have_parts(tmp_path):
    with pytest.raises(qllm.QllmError) as raised:
        qllm.parse("func.func @f() {\n  oops\n}")
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.severity, diagnostic.place, diagnostic.node) == ("error", "<text>:2:3", "") and diagnostic.message
    x, y = (onnx.helper.make_tensor_value_info(name, 1, [2, 3]) for name in "xy")
    graph = onnx.helper.make_graph([onnx.helper.make_node("MatMul", ["x", "x"], ["y"], name="product")], "g", [x], [y])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "wrong.onnx")
    with pytest.raises(qllm.QllmError) as raised:
        qllm.load(tmp_path / "wrong.onnx").run({"x": np.zeros((2, 3), np.float32)})
    assert "product" in str(raised.value.diagnostics)


def test_errors_of_python(model):
    with pytest.raises(ValueError, match="expected inputs input_ids, but got 'ids'"):
        model.run({"ids": package.TOKENS})
    with pytest.raises(TypeError, match="of a type that ONNX has, but got one of datetime64"):
        model.run({"input_ids": np.array(["2020-01-01"], "datetime64[D]")})


def test_warnings_go_to_the_log(model, caplog):
    with caplog.at_level(logging.WARNING, "qllm"):
        qllm.quantize(model, weight_bits=8, calibration="text.npy")
    assert "recipe 'rtn' looks at no activations; 'text.npy' is not read" in caplog.text
