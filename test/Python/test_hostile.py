# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files made to take all time or memory, or to steer the terminal. Refusals of models are in test_import_errors.py,
those of texts in test/Tools/guard.test; `python benchmarks/hostile.py` prints the figures."""

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import hostile
from hostile import field, measure, model_bytes

VALUE = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
RESULT = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])
MANY = 1_000_000


def refuse(path, *texts, tool=("qllm-translate", "--import-onnx"), **limits):
    outcome = measure(*tool, path, **limits)
    assert outcome.code == 1, (outcome.code, outcome.errors[:500])
    for text in texts:
        assert text in outcome.errors
    assert all(c.isprintable() or c in "\n\t" for c in outcome.errors), outcome.errors[:500]
    return outcome


@pytest.mark.parametrize("graph, rest, text", [
    (field(1, b"") * MANY, b"", "byte 12: node is empty"),
    (field(5, b"") * MANY, b"", "tensor is empty"),
    (field(11, b"") * MANY, b"", "value info is empty"),
    (field(13, b"") * MANY, b"", "value info is empty"),
    (field(14, b"") * MANY, b"", "tensor annotation is empty"),
    (field(15, b"") * MANY, b"", "sparse tensor is empty"),
    (field(1, field(4, b"Relu") + field(5, b"") * MANY), b"", "attribute is empty"),
    (field(2, b"g"), field(14, b"") * MANY, "entry is empty"),
    (field(2, b"g"), field(25, b"") * MANY, "function is empty"),
    (field(2, b"g"), field(8, b"") * MANY, "operator set is empty"),
    (field(1, field(1, b"x")) * (MANY // 2), b"", "node has no op_type (field 4)"),
], ids=["nodes", "initializers", "inputs", "value-infos", "annotations", "sparse", "attributes", "metadata", "functions", "opsets",
        "nameless"])
def test_millions_of_messages_that_are_empty(tmp_path, graph, rest, text):
    """Two bytes each in the file, hundreds once parsed: a file of 2 MB must not take 500 MB."""
    path = tmp_path / "model.onnx"
    path.write_bytes(model_bytes(graph, rest))
    assert refuse(path, text).megabytes < 128


def test_time_of_a_long_chain_is_linear(tmp_path):
    seconds = []
    for count in (20_000, 40_000):
        path = tmp_path / f"{count}.onnx"
        onnx.save(hostile.chain(count), path)
        outcome = measure("qllm-translate", "--import-onnx", path, "-o", tmp_path / "out.mlir")
        assert outcome.code == 0
        seconds.append(outcome.seconds)
    # A quadratic step would make it four times.
    assert seconds[1] < 3.2 * seconds[0] + 0.5


def test_a_long_chain_does_not_overflow_the_stack(tmp_path):
    path = tmp_path / "chain.onnx"
    onnx.save(hostile.chain(20_000), path)
    assert measure("qllm", "inspect", path).code == 0


def test_a_file_larger_than_memory_is_not_read(tmp_path):
    path = hostile.sparse_external(tmp_path, 64)
    outcome = measure("qllm-translate", "--import-onnx", path)
    assert outcome.code == 0, outcome.errors
    assert '#onnx.external<"w.bin", 0, 68719476736>' in outcome.output
    assert outcome.megabytes < 512


@pytest.mark.parametrize("tool", [("qllm-translate", "--import-onnx"), ("qllm-translate", "--run"), ("qllm", "inspect")])
def test_names_do_not_steer_the_terminal(tmp_path, tool):
    path = tmp_path / "model.onnx"
    node = helper.make_node("No\x1b[31mSuch\x07", ["x"], ["y"], name="n\x1b]0;title\x07\x9b31m")
    graph = helper.make_graph([node], "g", [VALUE], [RESULT])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    refuse(path, r"No\x1B[31mSuch\x07", tool=tool)


def test_recipes_in_recipes(tmp_path):
    path = tmp_path / "recipe.txt"
    path.write_text("builtin.module(" * 100_000)
    outcome = measure("qllm", "quantize", "none.onnx", "--recipe", path, "--dry-run")
    assert outcome.code in (1, 2), outcome.code
    assert "expected at most 512 levels of nesting" in outcome.errors


def weight(name, values, kind=numpy.float32):
    return numpy_helper.from_array(numpy.asarray(values, kind), name)


def run_model(tmp_path, nodes, initializers, inputs=((4, 8),)):
    """`qllm run` of a model with an input x and an output y of rank 2."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("x", TensorProto.FLOAT, list(inputs[0]))], [value("y", TensorProto.FLOAT, ["a", "b"])],
                              initializers)
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)
    numpy.savez(tmp_path / "in.npz", x=numpy.ones(inputs[0], numpy.float32))
    return measure("qllm", "run", path, "--input", tmp_path / "in.npz")


def identity_branch(result):
    return helper.make_graph([helper.make_node("Identity", ["x"], [result])], "b", [],
                             [helper.make_tensor_value_info(result, TensorProto.FLOAT, ["p", "q"])])


CODES = weight("w", numpy.ones((8, 8)), numpy.int8)
DEQUANTIZE = ["w", "s", "z"]


@pytest.mark.parametrize("nodes, initializers, text", [
    ([helper.make_node("DequantizeLinear", DEQUANTIZE, ["v"]), helper.make_node("MatMul", ["x", "v"], ["y"])],
     [CODES, weight("s", 1), weight("z", 1)], "expected zero points of the type of the codes"),
    ([helper.make_node("DequantizeLinear", DEQUANTIZE, ["v"], axis=0), helper.make_node("MatMul", ["x", "v"], ["y"])],
     [CODES, weight("s", [1] * 8), weight("z", [1] * 3, numpy.int8)], "expected zero points of the shape of the scales"),
    ([helper.make_node("DequantizeLinear", DEQUANTIZE[:2], ["v"], axis=0, block_size=3), helper.make_node("MatMul", ["x", "v"], ["y"])],
     [CODES, weight("s", numpy.ones((2, 8)))], "expected scales of 3x8 for blocks of 3"),
    ([helper.make_node("MatMulNBits", ["x", "w", "s"], ["y"], domain="com.microsoft", K=2**62, N=2**62, bits=4, block_size=16)],
     [weight("w", numpy.ones((8, 1, 16)), numpy.uint8), weight("s", [1] * 8)], "expected N and K from 1 to 2147483647"),
    ([helper.make_node("ConstantOfShape", ["s"], ["w"]), helper.make_node("MatMul", ["x", "w"], ["y"])],
     [weight("s", [8, 2**36], numpy.int64)], "expected memory for a tensor of 2199023255552 bytes"),
    ([helper.make_node("If", ["x"], ["y"], then_branch=identity_branch("a"), else_branch=identity_branch("b"))], [],
     "expected one truth value as the condition"),
], ids=["zero-point-type", "zero-point-shape", "blocks", "product-overflows", "folding", "condition"])
def test_operators_refuse_what_they_cannot_compute(tmp_path, nodes, initializers, text):
    outcome = run_model(tmp_path, nodes, initializers)
    assert outcome.code == 1, (outcome.code, outcome.errors)
    assert text in outcome.errors


SCALED = [helper.make_node("DequantizeLinear", DEQUANTIZE, ["v"], name="scaled"), helper.make_node("MatMul", ["x", "v"], ["y"])]


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e-45])
def test_odd_scales_compute(tmp_path, scale):
    """They are what ONNX says they are: numbers to multiply with."""
    assert run_model(tmp_path, SCALED, [CODES, weight("s", scale), weight("z", 3, numpy.int8)]).code == 0


@pytest.mark.parametrize("scale, text", [(numpy.nan, "NaN"), (numpy.inf, "+Inf")])
def test_scales_that_are_no_numbers(tmp_path, scale, text):
    """Those of models as in test/Tools/operand-checks.test, which has the other cases."""
    scales = numpy.ones(8, numpy.float32)
    scales[5] = scale
    outcome = run_model(tmp_path, SCALED, [CODES, weight("s", scales), weight("z", [3] * 8, numpy.int8)])
    assert outcome.code == 1
    assert f"node 'scaled' (onnx.DequantizeLinear): expected finite scales, but element 5 of 's' is {text}" in outcome.errors


def test_lines_of_messages_are_cut(tmp_path):
    """The user's tool too writes a name of a megabyte as 4096 bytes."""
    path = tmp_path / "model.onnx"
    graph = helper.make_graph([helper.make_node("N" * (1 << 20), ["x"], ["y"])], "g", [VALUE], [RESULT])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    outcome = refuse(path, "NNN...", tool=("qllm", "inspect"))
    assert max(map(len, outcome.errors.splitlines())) <= 4096 + len("...")
