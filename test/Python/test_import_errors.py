# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models that must be refused: each with exit status 1 and a message that says where and what, never with a crash."""

import os
import pathlib
import struct

import numpy
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from translate import import_model


def external_tensor(name, dims, location, offset=None, length=None, kind=TensorProto.FLOAT):
    tensor = TensorProto(name=name, dims=dims, data_type=kind, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    return tensor


def model_of(nodes, inputs, outputs, initializers=(), opset=18, ir_version=8, **arguments):
    graph = helper.make_graph(nodes, "g", inputs, outputs, list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir_version, **arguments)


def add_model(initializer, **arguments):
    value = helper.make_tensor_value_info
    shape = list(initializer.dims)
    return model_of([helper.make_node("Add", ["x", "w"], ["y"], name="the_add")], [value("x", initializer.data_type, shape)],
                    [value("y", initializer.data_type, shape)], [initializer], **arguments)


def refuse(folder, model, *texts):
    path = folder / "model.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    result = import_model(path, "-")
    assert result.returncode == 1, result.stderr
    assert "model.onnx: error: " in result.stderr
    for text in texts:
        assert text in result.stderr
    return result.stderr


# Wire format.

def field(number, wire, payload=b""):
    return bytes([number << 3 | wire]) + payload


def message(number, payload):
    length = len(payload)
    size = b""
    while length >= 0x80:
        size += bytes([length & 0x7f | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + payload


def test_empty_file(tmp_path):
    refuse(tmp_path, b"", "byte 0: expected an ONNX model, but the file is empty")


def test_text_file(tmp_path):
    # By chance the letters are well-formed fields that ONNX does not have.
    assert "2 fields that ONNX does not define are left out" in refuse(tmp_path, b"module {}\n", "it has no IR version")


@pytest.mark.parametrize("size", [1, 7, 40, 100])
def test_truncated_file(tmp_path, size):
    whole = add_model(numpy_helper.from_array(numpy.arange(8, dtype=numpy.float32), "w")).SerializeToString()
    assert len(whole) > size
    refuse(tmp_path, whole[:-size], "byte ")


def test_every_truncation_is_an_error(tmp_path):
    whole = add_model(numpy_helper.from_array(numpy.arange(2, dtype=numpy.float32), "w")).SerializeToString()
    for size in range(0, len(whole), 7):
        path = tmp_path / "model.onnx"
        path.write_bytes(whole[:size])
        assert import_model(path, "-").returncode == 1, size


@pytest.mark.parametrize("data, text", [
    (message(7, b"")[:1] + b"\xff\xff\xff\xff\x7f", "field 7 of model has 34359738367 bytes, but only 0 are left"),
    (field(1, 0, b"\xff" * 10 + b"\x01"), "byte 1: a number does not fit 64 bits"),
    (field(1, 0, b"\x80\x80"), "byte 1: a number runs past the end of its message at byte 3"),
    (field(1, 3), "field 1 of model has unknown wire type 3"),
    (field(1, 4), "field 1 of model has unknown wire type 4"),
    (b"\x00\x00", "expected a field of model, but got tag 0"),
    (field(1, 5, b"abcd"), "field 1 of model has wire type 5 and 4 bytes, which it cannot have"),
    (message(7, message(5, message(4, b"abc"))), "field 4 of tensor has wire type 2 and 3 bytes"),
    (message(7, message(5, message(7, b"\x80"))), "a number runs past the end"),
    (message(7, message(5, message(3, b""))), "a tensor stored in segments is not supported"),
    (message(7, message(5, message(9, b"a") + message(9, b"b"))), "a tensor has its raw data twice"),
])
def test_bad_wire(tmp_path, data, text):
    refuse(tmp_path, data, "byte ", text)


@pytest.mark.parametrize("path", [(7, 1, 5, 6), (7, 11, 2, 4, 1)], ids=["subgraphs", "types"])
def test_deep_nesting(tmp_path, path):
    """Subgraphs in subgraphs, or sequences of sequences: more than protobuf itself would follow."""
    head, cycle = ((7,), (1, 5, 6)) if path[1] == 1 else ((7, 11, 2), (4, 1))
    data = b""
    for i in range(300):
        data = message(cycle[-1 - i % len(cycle)], data)
    for number in reversed(head):
        data = message(number, data)
    refuse(tmp_path, data, "messages nest more than 90 deep")


# Versions.

def test_newer_ir_version(tmp_path):
    refuse(tmp_path, add_model(numpy_helper.from_array(numpy.ones(2, numpy.float32), "w"), ir_version=15),
           "expected an IR version from 1 to 14, but got 15")


def test_newer_opset(tmp_path):
    refuse(tmp_path, add_model(numpy_helper.from_array(numpy.ones(2, numpy.float32), "w"), opset=29),
           "expected a version from 1 to 28 of the default domain, but got 29")


def test_newer_opset_of_a_known_domain(tmp_path):
    model = add_model(numpy_helper.from_array(numpy.ones(2, numpy.float32), "w"))
    model.opset_import.add(domain="ai.onnx.ml", version=99)
    refuse(tmp_path, model, "of the domain 'ai.onnx.ml', but got 99")


def test_no_version(tmp_path):
    model = add_model(numpy_helper.from_array(numpy.ones(2, numpy.float32), "w"))
    model.ClearField("ir_version")
    refuse(tmp_path, model, "it has no IR version")


def test_no_opset_of_a_domain(tmp_path):
    model = add_model(numpy_helper.from_array(numpy.ones(2, numpy.float32), "w"))
    model.graph.node.add(op_type="Foo", domain="com.example", input=["x"], output=["z"])
    refuse(tmp_path, model, "com.example")


# External data.

@pytest.fixture
def outside(tmp_path):
    """A file that a model in tmp_path/model must not reach, and the model's directory."""
    (tmp_path / "secret.bin").write_bytes(b"s" * 4096)
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "w.bin").write_bytes(b"w" * 4096)
    return folder


def test_external_data_is_read(outside):
    """The control of the tests below: the same model with a good name is imported."""
    path = outside / "model.onnx"
    path.write_bytes(add_model(external_tensor("w", [1024], "./sub//w.bin")).SerializeToString())
    result = import_model(path, "-")
    assert result.returncode == 0, result.stderr
    assert '#onnx.external<"sub/w.bin", 0, 4096>' in result.stdout


@pytest.mark.parametrize("location, text", [
    ("../secret.bin", "may not contain '..'"),
    ("sub/../../secret.bin", "may not contain '..'"),
    ("/etc/passwd", "it is absolute"),
    ("", "it is empty"),
    ("./", "it is empty"),
    ("sub/..", "may not contain '..'"),
    ("sub", "it is a directory"),
    ("missing.bin", "no such file"),
    ("w\0.bin", "zero byte"),
])
def test_external_names(outside, location, text):
    message = refuse(outside, add_model(external_tensor("w", [1024], location)), text)
    assert "'w'" in message or "w )" in message


def test_symbolic_links(outside):
    (outside / "link.bin").symlink_to(outside.parent / "secret.bin")
    (outside / "folder").symlink_to(outside.parent)
    refuse(outside, add_model(external_tensor("w", [1024], "link.bin")), "symbolic link")
    refuse(outside, add_model(external_tensor("w", [1024], "folder/secret.bin")), "symbolic link")


def test_hard_links(outside):
    os.link(outside.parent / "secret.bin", outside / "hard.bin")
    refuse(outside, add_model(external_tensor("w", [1024], "hard.bin")), "expected a file with one hard link, but it has 2")


def test_special_files(outside):
    os.mkfifo(outside / "pipe")
    refuse(outside, add_model(external_tensor("w", [1024], "pipe")), "expected a regular file, but it is a pipe")


@pytest.mark.parametrize("offset, length, text", [
    (1, None, "expected 4096 bytes at offset 1, but the file has 4096 bytes"),
    (2**64 - 8, None, "expected 4096 bytes at offset 18446744073709551608, but the file has 4096 bytes"),
    (2**70, None, "expected a number as offset of external data"),
    (-1, None, "expected a number as offset of external data, but got '-1'"),
    (None, 4000, "expected 4096 bytes of external data for 1024 elements, but got length 4000"),
    (None, "many", "expected a number as length of external data, but got 'many'"),
])
def test_external_ranges(outside, offset, length, text):
    refuse(outside, add_model(external_tensor("w", [1024], "sub/w.bin", offset, length)), "initializer 'w'", text)


# Tensors.

def tensor_of(kind, dims, **values):
    tensor = TensorProto(name="w", data_type=kind, dims=dims)
    for key, value in values.items():
        if isinstance(value, bytes):
            setattr(tensor, key, value)
        else:
            getattr(tensor, key).extend(value)
    return tensor


@pytest.mark.parametrize("tensor, text", [
    (tensor_of(1, [4], raw_data=b"\0" * 15), "w"),
    (tensor_of(1, [4], raw_data=b"\0" * 17), "expected 16 bytes of raw data for 4 elements, but got 17"),
    (tensor_of(1, [1024], raw_data=b"\0" * 4000), "expected 4096 bytes of raw data for 1024 elements, but got 4000"),
    (tensor_of(1, [2**40, 2**40], raw_data=b"\0" * 2000), "w"),
    (tensor_of(1, [2**62], raw_data=b"\0" * 2000), "w"),
    (tensor_of(1, [-1], raw_data=b"\0" * 2000), "w"),
    (tensor_of(1, [4], float_data=[1, 2, 3]), "w"),
    (tensor_of(1, [4], float_data=[1, 2, 3, 4, 5]), "expected 4 values in float_data, but got 5"),
    (tensor_of(22, [4], int32_data=[1, 2, 3]), "expected 1 values in int32_data, but got 3"),
    (tensor_of(3, [2], int32_data=[1, 300]), "expected values of INT8 in int32_data, but got 300"),
    (tensor_of(2, [2], int32_data=[1, -1]), "expected values of UINT8 in int32_data, but got -1"),
    (tensor_of(8, [2], string_data=[b"a"]), "w"),
    (tensor_of(99, [4], raw_data=b"\0" * 2000), "99"),
])
def test_tensors(tmp_path, tensor, text):
    refuse(tmp_path, add_model(tensor), text)


# Graphs.

VALUE = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2])
RESULT = helper.make_tensor_value_info("y", TensorProto.FLOAT, [2])


@pytest.mark.parametrize("nodes", [
    [helper.make_node("Relu", ["nowhere"], ["y"], name="n")],
    [helper.make_node("Relu", ["z"], ["y"], name="n"), helper.make_node("Relu", ["x"], ["z"])],
    [helper.make_node("Relu", ["x"], ["y"], name="n"), helper.make_node("Relu", ["x"], ["y"])],
    [helper.make_node("Relu", ["x"], ["x"], name="n")],
    [helper.make_node("NoSuchOperator", ["x"], ["y"], name="n")],
    [helper.make_node("Relu", ["x", "x"], ["y"], name="n")],
    [helper.make_node("Relu", ["x"], ["other"], name="n")],
    [helper.make_node("Gather", ["x", "x"], ["y"], name="n", axis="one")],
], ids=["undefined", "unsorted", "twice", "input-again", "unknown-operator", "too-many-inputs", "no-output", "wrong-kind"])
def test_graphs(tmp_path, nodes):
    refuse(tmp_path, model_of(nodes, [VALUE], [RESULT]))


def test_wrong_element_type_is_named(tmp_path):
    node = helper.make_node("And", ["x", "x"], ["y"], name="the_and")
    assert "the_and" in refuse(tmp_path, model_of([node], [VALUE], [helper.make_tensor_value_info("y", TensorProto.BOOL, [2])]))


def test_functions_that_call_themselves(tmp_path):
    function = helper.make_function("f", "F", ["a"], ["b"], [helper.make_node("F", ["a"], ["b"], domain="f")],
                                    [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)])
    model = model_of([helper.make_node("F", ["x"], ["y"], domain="f")], [VALUE], [RESULT], functions=[function])
    model.opset_import.add(domain="f", version=1)
    refuse(tmp_path, model)


# Things that are fine but could take all time or memory.

def accept(folder, model):
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    result = import_model(path, "-", timeout=60, megabytes=1024)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_concatenations_that_double(tmp_path):
    nodes = [helper.make_node("Shape", ["x"], ["s0"])]
    nodes += [helper.make_node("Concat", [f"s{i}", f"s{i}"], [f"s{i + 1}"], axis=0) for i in range(50)]
    nodes += [helper.make_node("Size", ["s50"], ["y"])]
    assert "tensor<1125899906842624xi64>" in accept(tmp_path, model_of(nodes, [VALUE], [helper.make_tensor_value_info("y", TensorProto.INT64, [])]))


def test_long_shapes(tmp_path):
    x = helper.make_tensor_value_info("x", TensorProto.INT64, [2**40])
    accept(tmp_path, model_of([helper.make_node("Add", ["x", "x"], ["y"])], [x], [helper.make_tensor_value_info("y", TensorProto.INT64, [2**40])]))


def test_functions_that_multiply(tmp_path):
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("f", 1)]
    functions = [helper.make_function("f", "F0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], opsets)]
    for i in range(1, 40):
        body = [helper.make_node(f"F{i - 1}", ["a"], ["c"], domain="f"), helper.make_node(f"F{i - 1}", ["c"], ["b"], domain="f")]
        functions.append(helper.make_function("f", f"F{i}", ["a"], ["b"], body, opsets))
    model = model_of([helper.make_node("F39", ["x"], ["y"], domain="f")], [VALUE], [RESULT], functions=functions)
    model.opset_import.add(domain="f", version=1)
    assert "f::F39" in accept(tmp_path, model)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_never_crash(tmp_path, seed):
    """Random damage: any exit but a clean one is a crash."""
    source = pathlib.Path(__file__).parent.parent / "Inputs/models/llama-genai.onnx"
    generator = numpy.random.default_rng(seed)
    original = source.read_bytes()
    path = tmp_path / "model.onnx"
    for _ in range(6):
        data = bytearray(original)
        for position in generator.integers(0, len(data), 1 + generator.integers(8)):
            data[position] = generator.integers(256)
        path.write_bytes(data)
        result = import_model(path, "-", timeout=60, megabytes=2048)
        assert result.returncode in (0, 1), (result.returncode, result.stderr[-500:])
