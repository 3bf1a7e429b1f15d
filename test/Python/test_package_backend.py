# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The interface of onnx.backend; the suite of the onnx package itself runs in interpreter_models.py."""

import numpy as np
import onnx
import package  # noqa: F401
import pytest
from onnx import helper

from qllm import QllmError, backend


def make(node, inputs, outputs, **more):
    return helper.make_model(helper.make_graph([node], "g", inputs, outputs, **more), opset_imports=[helper.make_opsetid("", 18)])


def vector(name, size=2):
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [size])


def test_a_model_runs_by_order_or_by_name():
    rep = backend.prepare(make(helper.make_node("Sub", ["a", "b"], ["c"]), [vector("a"), vector("b")], [vector("c")]))
    a, b = np.float32([5, 7]), np.float32([1, 2])
    for outputs in (rep.run([a, b]), rep.run({"b": b, "a": a})):
        assert outputs.c.tolist() == outputs[0].tolist() == [4, 5]
    with pytest.raises(ValueError, match="expected at most 2 inputs, but got 3"):
        rep.run([a, b, b])


def test_inputs_with_a_default_may_be_left_out():
    default = onnx.numpy_helper.from_array(np.float32([10, 20]), "b")
    model = make(helper.make_node("Add", ["a", "b"], ["c"]), [vector("a"), vector("b")], [vector("c")], initializer=[default])
    a = np.float32([1, 2])
    assert backend.run_model(model, [a])[0].tolist() == [11, 22]
    assert backend.prepare(model).run({"a": a, "b": a})[0].tolist() == [2, 4]


def test_a_node_runs_alone():
    node = helper.make_node("Gemm", ["a", "b"], ["y"], transB=1)
    a, b = np.ones((2, 3), np.float32), np.ones((4, 3), np.float32)
    (y,) = backend.run_node(node, [a, b])
    assert y.tolist() == [[3] * 4] * 2


def test_what_cannot_run_is_refused_by_name():
    model = make(helper.make_node("Det", ["x"], ["y"]), [helper.make_tensor_value_info("x", 1, [2, 2])],
                 [helper.make_tensor_value_info("y", 1, [])])
    with pytest.raises(backend.UnsupportedError, match="the interpreter has no kernel for Det$"):
        backend.prepare(model)
    assert not backend.is_compatible(model)
    model.graph.node[0].op_type = "NoSuchOperator"
    with pytest.raises(QllmError, match="NoSuchOperator"):
        backend.prepare(model)


def test_the_device_is_the_cpu():
    assert backend.supports_device("CPU") and not backend.supports_device("CUDA:0")
    with pytest.raises(ValueError, match="expected the device CPU, but got 'CUDA'"):
        backend.prepare(onnx.ModelProto(), "CUDA")
