# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files made to take all time or memory, or to steer the terminal. Refusals of models are in test_import_errors.py,
those of texts in test/Tools/guard.test; `python benchmarks/hostile.py` prints the figures."""

import onnx
import pytest
from onnx import TensorProto, helper

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
    # A quadratic step would make it four times; the machine is shared.
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
