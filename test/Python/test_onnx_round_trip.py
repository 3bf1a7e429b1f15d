# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What comes out of import and export is what went in, for every kind of thing that a model can hold."""

import os
import pathlib

import numpy
import onnx
import pytest
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from compare_models import compare_files
from translate import export_model, import_model, translate

INPUTS = pathlib.Path(__file__).parent.parent / "Inputs/models"
KINDS = {name: number for name, number in TensorProto.DataType.items() if name not in ("UNDEFINED", "STRING")}


def info(name, kind=TensorProto.FLOAT, shape=(2,)):
    return helper.make_tensor_value_info(name, kind, shape)


def model_of(nodes, inputs, outputs, opset=18, ir_version=10, domains=(), functions=(), **graph):
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(helper.make_graph(nodes, "main", inputs, outputs, **graph), opset_imports=opsets, ir_version=ir_version,
                             functions=list(functions))


def identity_of(tensor, kind, shape):
    return model_of([helper.make_node("Identity", ["w"], ["y"])], [], [info("y", kind, shape)], opset=28, ir_version=14, initializer=[tensor])


def round_trip(folder, model, *options, extension="mlir", expected=True):
    before, module, after = folder / "before.onnx", folder / f"model.{extension}", folder / "after.onnx"
    if not isinstance(model, (str, pathlib.Path)):
        onnx.save(model, before)
    else:
        before = model
    result = import_model(before, module)
    assert result.returncode == 0, result.stderr
    result = export_model(module, after, *options)
    assert result.returncode == 0, result.stderr
    if expected:
        assert compare_files(before, after) == []
    return module.read_text(errors="replace") if extension == "mlir" else ""


# Element types, in every place where their values can lie.

def bits(kind):
    return {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2, "FLOAT6E2M3": 6, "FLOAT6E3M2": 6}.get(
        TensorProto.DataType.Name(kind), helper.tensor_dtype_to_np_dtype(kind).itemsize * 8)


def raw_tensor(kind, shape):
    elements = int(numpy.prod(shape))
    size = (elements * bits(kind) + 7) // 8
    data = numpy.random.default_rng(kind).integers(0, 2 if kind == TensorProto.BOOL else 256, size, dtype=numpy.uint8)
    if size and elements * bits(kind) % 8:
        data[-1] &= (1 << elements * bits(kind) % 8) - 1
    return TensorProto(name="w", data_type=kind, dims=shape, raw_data=data.tobytes())


SHAPES = {"scalar": [], "empty": [0, 3], "small": [3, 7], "large": [41, 101]}


def all_kinds(make):
    """One model with a weight of each element type and shape."""
    tensors, nodes, outputs = [], [], []
    for kind_name, kind in KINDS.items():
        for shape_name, shape in SHAPES.items():
            tensors.append(make(kind, shape))
            tensors[-1].name = f"{kind_name}-{shape_name}"
            nodes.append(helper.make_node("Identity", [tensors[-1].name], [f"{kind_name}-{shape_name}-out"]))
            outputs.append(info(nodes[-1].output[0], kind, shape))
    return model_of(nodes, [], outputs, opset=28, ir_version=14, initializer=tensors)


def test_raw_data(tmp_path):
    round_trip(tmp_path, all_kinds(raw_tensor))
    before, after = ({t.name: t.raw_data for t in onnx.load(tmp_path / name).graph.initializer} for name in ("before.onnx", "after.onnx"))
    assert before == after and len(before) == 4 * len(KINDS)


def typed_tensor(kind, shape):
    tensor = helper.make_tensor("w", kind, shape, numpy_helper.to_array(raw_tensor(kind, shape)).flatten())
    assert not tensor.raw_data
    return tensor


def test_typed_data(tmp_path):
    round_trip(tmp_path, all_kinds(typed_tensor))


def test_weights_inside_the_module(tmp_path):
    """--inline-weights: the module stands alone, and its resources have ONNX's layout."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    onnx.save(all_kinds(raw_tensor), tmp_path / "in/model.onnx")
    assert translate("--import-onnx", tmp_path / "in/model.onnx", "--inline-weights", "-o", tmp_path / "out/model.mlir").returncode == 0
    assert os.listdir(tmp_path / "out") == ["model.mlir"]
    assert export_model(tmp_path / "out/model.mlir", tmp_path / "out/model.onnx").returncode == 0
    assert compare_files(tmp_path / "in/model.onnx", tmp_path / "out/model.onnx") == []


def test_strings(tmp_path):
    tensor = helper.make_tensor("w", TensorProto.STRING, [2, 2], [b"a", b"", b"\xff\x00\"", "é".encode()])
    round_trip(tmp_path, identity_of(tensor, TensorProto.STRING, [2, 2]))
    empty = helper.make_tensor("w", TensorProto.STRING, [0], [])
    round_trip(tmp_path, identity_of(empty, TensorProto.STRING, [0]))


def test_special_numbers(tmp_path):
    values = numpy.array([numpy.nan, numpy.inf, -numpy.inf, -0.0, 1e-45, 3.4e38], numpy.float32)
    values.view(numpy.uint32)[0] = 0x7fc12345
    round_trip(tmp_path, identity_of(numpy_helper.from_array(values, "w"), TensorProto.FLOAT, [6]))


# External data and side files.

def save_external(model, path, **options):
    onnx.save(model, path, save_as_external_data=True, location=path.name + ".data", size_threshold=0, **options)


def test_external_data(tmp_path):
    weights = [numpy_helper.from_array(numpy.random.default_rng(i).random((64, 64), numpy.float32), f"w{i}") for i in range(3)]
    model = model_of([helper.make_node("Sum", ["w0", "w1", "w2"], ["y"])], [], [info("y", shape=(64, 64))], initializer=weights)
    save_external(model, tmp_path / "before.onnx")
    text = round_trip(tmp_path, tmp_path / "before.onnx", "--external-data=always")
    assert text.count('#onnx.external<"before.onnx.data"') == 3
    assert all(t.data_location == TensorProto.EXTERNAL for t in onnx.load(tmp_path / "after.onnx", load_external_data=False).graph.initializer)


def test_side_file(tmp_path):
    """A module in another directory takes its weights along."""
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    model = identity_of(raw_tensor(TensorProto.FLOAT, [64, 64]), TensorProto.FLOAT, [64, 64])
    weights = model.graph.initializer[0].raw_data
    save_external(model, tmp_path / "in/model.onnx")
    assert import_model(tmp_path / "in/model.onnx", tmp_path / "out/m.mlir").returncode == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["m.mlir", "m.weights"]
    assert '#onnx.external<"m.weights", 0, 16384>' in (tmp_path / "out/m.mlir").read_text()
    assert (tmp_path / "out/m.weights").read_bytes() == weights
    (tmp_path / "in/model.onnx.data").unlink()
    assert export_model(tmp_path / "out/m.mlir", tmp_path / "out/model.onnx").returncode == 0
    assert onnx.load(tmp_path / "out/model.onnx").graph.initializer[0].raw_data == weights


def test_one_table_used_twice_is_stored_once(tmp_path):
    data = raw_tensor(TensorProto.FLOAT, [64, 64]).raw_data
    model = model_of([helper.make_node("Add", ["a", "b"], ["y"])], [], [info("y", shape=(64, 64))])
    for name in ("a", "b"):
        tensor = model.graph.initializer.add(name=name, data_type=1, dims=[64, 64], data_location=TensorProto.EXTERNAL)
        tensor.external_data.add(key="location", value="w.bin")
    (tmp_path / "w.bin").write_bytes(data)
    round_trip(tmp_path, model, "--external-data=always")
    assert (tmp_path / "after.onnx.data").stat().st_size == len(data)


def test_more_than_2_gib(tmp_path):
    """Weights beyond 2 and 4 GiB, in a sparse file; what is written has holes too, so no disk is used."""
    rows, size = 3 << 18, (3 << 18) * 1024 * 2
    model = model_of([], [], [], opset=18)
    with open(tmp_path / "w.bin", "wb") as file:
        file.truncate(3 * size)
        file.seek(2 * size)
        file.write(b"marker")
    for i in range(3):
        tensor = model.graph.initializer.add(name=f"w{i}", data_type=TensorProto.FLOAT16, dims=[rows, 1024], data_location=1)
        for key, value in (("location", "w.bin"), ("offset", i * size), ("length", size)):
            tensor.external_data.add(key=key, value=str(value))
    model.graph.node.add(op_type="Identity", input=["w2"], output=["y"])
    model.graph.output.append(info("y", TensorProto.FLOAT16, [rows, 1024]))
    (tmp_path / "before.onnx").write_bytes(model.SerializeToString())
    assert import_model(tmp_path / "before.onnx", tmp_path / "m.mlir", megabytes=400).returncode == 0
    refused = export_model(tmp_path / "m.mlir", tmp_path / "after.onnx", "--external-data=never")
    assert refused.returncode == 1 and "more than the 2147483647 that a file without external data can have" in refused.stderr
    assert sorted(os.listdir(tmp_path)) == ["before.onnx", "m.mlir", "w.bin"]
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 4 * size:
        pytest.skip("needs 6 GB of disk where copies have no holes")
    assert export_model(tmp_path / "m.mlir", tmp_path / "after.onnx", megabytes=400, timeout=120).returncode == 0
    tensor = onnx.load(tmp_path / "after.onnx", load_external_data=False).graph.initializer[2]
    entry = {each.key: each.value for each in tensor.external_data}
    with open(tmp_path / entry["location"], "rb") as file:
        file.seek(int(entry["offset"]))
        assert file.read(6) == b"marker" and int(entry["offset"]) >= 2 * size
    (tmp_path / "after.onnx.data").unlink()


def test_stdin(tmp_path):
    path = INPUTS / "llama-dynamo-18.onnx"
    import subprocess
    from translate import BUILD
    with open(path, "rb") as file:
        result = subprocess.run([BUILD / "bin/qllm-translate", "--import-onnx", "-", "-o", tmp_path / "m.mlir"], stdin=file, check=False)
    assert result.returncode == 0
    assert export_model(tmp_path / "m.mlir", tmp_path / "after.onnx").returncode == 0
    assert compare_files(path, tmp_path / "after.onnx") == []


# Exporters' models.

@pytest.mark.parametrize("path", sorted(INPUTS.glob("*.onnx")), ids=lambda path: path.stem)
@pytest.mark.parametrize("extension", ["mlir", "mlirbc"])
def test_exported_models(tmp_path, path, extension):
    round_trip(tmp_path, path, extension=extension)


# The parts of a model.

def test_names_and_documentation(tmp_path):
    node = helper.make_node("Clip", ["x", "", "high"], ["y"], name="a/node \"quoted\"", doc_string="why")
    node.metadata_props.add(key="namespace", value="layer.0")
    model = model_of([node], [info("x", shape=["batch", None])], [info("y", shape=["batch", None])],
                     initializer=[numpy_helper.from_array(numpy.float32(6), "high")], doc_string="graph text",
                     value_info=[info("high", shape=())])
    model.graph.initializer[0].doc_string = "limit"
    model.graph.initializer[0].metadata_props.add(key="k", value="v")
    model.graph.input[0].doc_string = "an input"
    model.graph.input[0].metadata_props.add(key="role", value="tokens")
    model.graph.metadata_props.add(key="", value="empty key")
    model.graph.quantization_annotation.add(tensor_name="y").quant_parameter_tensor_names.add(key="SCALE_TENSOR", value="high")
    model.producer_name, model.producer_version, model.domain, model.model_version, model.doc_string = "p", "1", "com.example", 7, "text"
    for key in ("a", "b", "a"):
        model.graph.metadata_props.add(key=key, value=key * 2)
    model.metadata_props.add(key="c", value="d")
    text = round_trip(tmp_path, model)
    assert 'onnx.dims = ["batch", ""]' in text and "onnx.Clip(" in text


def test_types_of_values(tmp_path):
    """Sequences, optionals, maps and sparse tensors, with symbolic dimensions inside and denotations."""
    tensor = helper.make_tensor_type_proto(TensorProto.FLOAT, ["n", 3])
    types = [tensor, helper.make_sequence_type_proto(tensor), helper.make_optional_type_proto(helper.make_sequence_type_proto(tensor)),
             helper.make_map_type_proto(TensorProto.STRING, tensor), helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, ["n", 3])]
    types[0].denotation = "IMAGE"
    inputs = [helper.make_value_info(f"x{i}", kind) for i, kind in enumerate(types)]
    nodes = [helper.make_node("Foo", [f"x{i}"], [f"y{i}"], domain="com.example") for i in range(len(types))]
    outputs = [helper.make_value_info(f"y{i}", kind) for i, kind in enumerate(types)]
    text = round_trip(tmp_path, model_of(nodes, inputs, outputs, domains=["com.example"]))
    for shown in ("!onnx.seq<tensor<?x3xf32>>", "!onnx.optional<!onnx.seq<", "!onnx.map<!onnx.string, tensor<?x3xf32>>", "!onnx.sparse<"):
        assert shown in text


def test_types_that_the_model_leaves_open(tmp_path):
    """What inference finds out does not end up in the model: an output without a type, a sequence without shapes."""
    branch = helper.make_graph([helper.make_node("Neg", ["x"], ["r"])], "branch", [], [helper.make_empty_tensor_value_info("r")])
    branch.output[0].ClearField("type")
    nodes = [helper.make_node("If", ["flag"], ["a"], then_branch=branch, else_branch=branch),
             helper.make_node("SequenceConstruct", ["a", "x"], ["s"])]
    output = helper.make_value_info("s", helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None)))
    text = round_trip(tmp_path, model_of(nodes, [info("x"), info("flag", TensorProto.BOOL, ())], [output]))
    assert "!onnx.seq<tensor<2xf32>>" in text


def test_attributes(tmp_path):
    """Every kind, empty lists, and names that the dialect uses itself."""
    node = helper.make_node("Foo", ["x"], ["y", "", "z"], domain="com.example", f=1.5, i=-3, s="text", fs=[0.1, 2.0], ints=[1, 2], strings=["a", "b"],
                            t=numpy_helper.from_array(numpy.arange(3), "named"), tp=helper.make_tensor_type_proto(TensorProto.INT4, ["k"]),
                            domain_="d")
    node.attribute[-1].name = "domain"
    for name, value in (("op_type", 3), ("onnx.node_name", 4), ("with space", 5)):
        node.attribute.append(helper.make_attribute(name, value))
    node.attribute[0].doc_string = "about f"
    for kind in (AttributeProto.FLOATS, AttributeProto.INTS, AttributeProto.STRINGS, AttributeProto.TENSORS, AttributeProto.GRAPHS,
                 AttributeProto.TYPE_PROTOS):
        node.attribute.add(name=f"empty{kind}", type=kind)
    tensors = node.attribute.add(name="tensors", type=AttributeProto.TENSORS).tensors
    tensors.extend([numpy_helper.from_array(numpy.ones(2)), numpy_helper.from_array(numpy.ones((20, 30)))])
    indices = numpy_helper.from_array(numpy.array([1, 4]))
    node.attribute.append(helper.make_attribute("sparse", helper.make_sparse_tensor(numpy_helper.from_array(numpy.ones(2)), indices, [7])))
    model = model_of([node], [info("x")], [helper.make_tensor_value_info(n, 1, ()) for n in ("y", "z")], domains=["com.example"])
    round_trip(tmp_path, model)


def test_subgraphs(tmp_path):
    """Names of outer values are visible inside; sibling graphs may use the same names; graphs in graphs."""
    inner = helper.make_graph([helper.make_node("Neg", ["x"], ["r"], name="neg")], "inner", [], [info("r")])
    other = helper.make_graph([helper.make_node("Add", ["x", "c"], ["r"], name="add")], "other", [], [info("r")],
                              initializer=[numpy_helper.from_array(numpy.ones(2, numpy.float32), "c")], doc_string="subgraph text")
    then = helper.make_graph([helper.make_node("If", ["flag"], ["t"], then_branch=inner, else_branch=other)], "then", [], [info("t")])
    step = helper.make_graph([helper.make_node("Add", ["state", "x"], ["next"]), helper.make_node("Identity", ["go"], ["more"])], "step",
                             [info("i", TensorProto.INT64, ()), info("go", TensorProto.BOOL, ()), info("state")],
                             [info("more", TensorProto.BOOL, ()), info("next")])
    nodes = [helper.make_node("If", ["flag"], ["p"], then_branch=then, else_branch=other, name="if"),
             helper.make_node("Loop", ["count", "", "p"], ["y"], body=step, name="loop")]
    model = model_of(nodes, [info("x"), info("flag", TensorProto.BOOL, ()), info("count", TensorProto.INT64, ())], [info("y")])
    round_trip(tmp_path, model)


def test_functions(tmp_path):
    """Bodies, overloads, parameters with and without defaults, references to them, opsets of their own."""
    body = [helper.make_node("LeakyRelu", ["a"], ["t"], name="inner"), helper.make_node("Scaled", ["t"], ["b"], domain="f")]
    reference = body[0].attribute.add(name="alpha", type=AttributeProto.FLOAT)
    reference.ref_attr_name = "slope"
    opsets = [helper.make_opsetid("", 16), helper.make_opsetid("f", 1)]
    outer = helper.make_function("f", "Outer", ["a"], ["b"], body, opsets, ["slope"], doc_string="a function")
    scaled = helper.make_function("f", "Scaled", ["a"], ["b"], [helper.make_node("Mul", ["a", "a"], ["b"])], [helper.make_opsetid("", 18)],
                                  attribute_protos=[helper.make_attribute("factor", 2.0)])
    overloaded = helper.make_function("f", "Scaled", ["a"], ["b"], [helper.make_node("Abs", ["a"], ["b"])], [helper.make_opsetid("", 18)],
                                      overload="other")
    call = helper.make_node("Outer", ["x"], ["m"], domain="f", slope=0.5)
    second = helper.make_node("Scaled", ["m"], ["y"], domain="f", overload="other")
    model = model_of([call, second], [info("x")], [info("y")], domains=["f"], functions=[outer, scaled, overloaded], opset=16)
    text = round_trip(tmp_path, model)
    assert 'func.func @"f::Scaled::other"' in text and "onnx.Mul(" in text


def test_sparse_initializer(tmp_path):
    sparse = helper.make_sparse_tensor(helper.make_tensor("w", TensorProto.FLOAT, [2], [1.0, 2.0]),
                                       numpy_helper.from_array(numpy.array([1, 5]), "w_indices"), [2, 3])
    model = model_of([helper.make_node("Add", ["x", "w"], ["y"])], [info("x", shape=(2, 3))], [info("y", shape=(2, 3))], sparse_initializer=[sparse])
    round_trip(tmp_path, model)


@pytest.mark.parametrize("ir_version", [3, 8], ids=["constants", "defaults"])
def test_initializers_that_are_inputs(tmp_path, ir_version):
    """Before IR version 4 every initializer is listed as an input; after it, that makes a default that a caller may replace."""
    model = model_of([helper.make_node("Sum", ["a", "x", "b"], ["y"])], [info("a"), info("x"), info("b")], [info("y")], ir_version=ir_version, opset=8,
                     initializer=[numpy_helper.from_array(numpy.ones(2, numpy.float32), name) for name in ("b", "a")])
    text = round_trip(tmp_path, model)
    assert text.count("onnx.Initializer") == (2 if ir_version == 3 else 0)


def test_old_operators_stay_what_they_are(tmp_path):
    """Softmax changed its meaning at opset 13: below, it is not the typed operation."""
    model = model_of([helper.make_node("Softmax", ["x"], ["y"])], [info("x")], [info("y")], opset=11)
    assert 'onnx.Custom "" "Softmax"' in round_trip(tmp_path, model)
    model.opset_import[0].version = 13
    assert "onnx.Softmax(" in round_trip(tmp_path, model)


@pytest.mark.parametrize("name", ["llama-torchscript-14-eager", "bert-torchscript-14"])
def test_conversion_to_a_newer_opset(tmp_path, name):
    """The onnx library's converter works on the model without its weights; the results stay the same."""
    import onnxruntime
    path = INPUTS / f"{name}.onnx"
    module, after = tmp_path / "m.mlir", tmp_path / "after.onnx"
    assert translate("--import-onnx", path, "--convert-opset=21", "-o", module).returncode == 0
    assert 'onnx.Custom "" "ReduceMean"' not in module.read_text()
    assert export_model(module, after).returncode == 0
    assert onnx.load(after).opset_import[0].version == 21
    stored = numpy.load(path.with_suffix(".npz"))
    sessions = [onnxruntime.InferenceSession(str(p), providers=["CPUExecutionProvider"]) for p in (path, after)]
    feeds = {value.name: stored[f"in.{value.name}"] for value in sessions[0].get_inputs()}
    for expected, found in zip(*(session.run(None, feeds) for session in sessions)):
        numpy.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_conversions_that_are_not_possible(tmp_path):
    onnx.save(model_of([helper.make_node("Relu", ["x"], ["y"])], [info("x")], [info("y")]), tmp_path / "m.onnx")
    result = translate("--import-onnx", tmp_path / "m.onnx", "--convert-opset=29", "-o", "-")
    assert result.returncode == 1 and "expected an opset from 1 to 28 to convert to, but got 29" in result.stderr


def test_opaque_parts(tmp_path):
    """Training information and device configurations are carried as they are."""
    model = model_of([helper.make_node("Relu", ["x"], ["y"])], [info("x")], [info("y")], ir_version=11)
    model.configuration.add(name="two", num_devices=2, device=["a", "b"])
    model.graph.node[0].device_configurations.add(configuration_id="two", pipeline_stage=1)
    round_trip(tmp_path, model)


# Export.

def export_text(folder, text, expected=0):
    (folder / "m.mlir").write_text(text)
    result = export_model(folder / "m.mlir", folder / "m.onnx")
    assert result.returncode == expected, result.stderr
    assert expected == 0 or not (folder / "m.onnx").exists()
    return result.stderr if expected else onnx.load(folder / "m.onnx")


MODULE = """module attributes {{onnx.ir_version = 8 : i64, onnx.opset = {{ai.onnx = {opset} : i64}}}} {{
  func.func @main(%x: tensor<2x4xf32> {{onnx.name = "x"}}) -> (tensor<2x4xf32> {{onnx.name = "y"}}) {{
{body}
  }}
}}
"""


def test_operations_of_other_dialects_are_refused(tmp_path):
    body = """    %y = "qllm.split_channels"(%x) : (tensor<2x4xf32>) -> tensor<2x4xf32>\n    onnx.Return %y : tensor<2x4xf32>"""
    (tmp_path / "m.mlir").write_text(MODULE.format(opset=18, body=body.replace("qllm.split_channels", "func.call").replace("(%x)", "(%x) {callee = @main}")))
    result = export_model(tmp_path / "m.mlir", tmp_path / "m.onnx")
    assert result.returncode == 1 and "'func.call' has no form in ONNX" in result.stderr


def test_opset_is_raised_to_what_operations_need(tmp_path):
    body = """    %s = onnx.Initializer "s" = dense<1.0> : tensor<4xf32>
    %a:2 = onnx.Split(%x) {axis = 1 : i64} : (tensor<2x4xf32>) -> (tensor<2x2xf32>, tensor<2x2xf32>)
    %c = onnx.Concat(%a#1, %a#0) {axis = 1 : i64} : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x4xf32>
    %y = onnx.RMSNormalization(%c, %s) {axis = -1 : i64} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    onnx.Return %y : tensor<2x4xf32>"""
    model = export_text(tmp_path, MODULE.format(opset=14, body=body))
    assert (model.opset_import[0].version, model.ir_version) == (23, 11)
    # Since opset 18, a split in equal parts says how many.
    assert [(a.name, a.i) for a in model.graph.node[0].attribute] == [("axis", 1), ("num_outputs", 2)]


NORMALIZED = """    %s = onnx.Initializer "s" = dense<1.0> : tensor<4xf32>
    %m = onnx.Custom "" "{operator}" (%x) {{{attributes}, onnx.output_names = ["m"]}} : (tensor<2x4xf32>) -> tensor<{shape}xf32>
    %c = onnx.Add(%x, %m) : (tensor<2x4xf32>, tensor<{shape}xf32>) -> tensor<2x4xf32>
    %y = onnx.RMSNormalization(%c, %s) : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
    onnx.Return %y : tensor<2x4xf32>"""


def test_axes_become_an_input_when_the_opset_is_raised(tmp_path):
    body = NORMALIZED.format(operator="ReduceMean", attributes="axes = array<i64: 0>, keepdims = 1 : i64", shape="1x4")
    model = export_text(tmp_path, MODULE.format(opset=13, body=body))
    assert model.opset_import[0].version == 23
    node = model.graph.node[0]
    assert list(node.input) == ["x", "m/axes"] and [a.name for a in node.attribute] == ["keepdims"]
    values = {t.name: numpy_helper.to_array(t).tolist() for t in model.graph.initializer}
    assert values["m/axes"] == [0]


def test_opset_is_not_raised_past_what_operators_mean(tmp_path):
    body = NORMALIZED.format(operator="Softmax", attributes="axis = 0 : i64", shape="2x4")
    assert "the model needs opset 23, where Softmax is not what it is in opset 11" in export_text(tmp_path, MODULE.format(opset=11, body=body), 1)


def test_opset_is_raised_past_versions_that_add_element_types(tmp_path):
    """If, Loop and LSTM are no typed operations; their later versions only take more element types."""
    body = [helper.make_node("ReduceMean", ["x"], ["m"], axes=[1], keepdims=1)]
    then = helper.make_graph([helper.make_node("Identity", ["m"], ["t"])], "then", [], [info("t", shape=[2, 1])])
    otherwise = helper.make_graph([helper.make_node("Neg", ["m"], ["e"])], "else", [], [info("e", shape=[2, 1])])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=otherwise)
    model = model_of([*body, branch], [info("x", shape=[2, 4]), info("c", TensorProto.BOOL, [])], [info("y", shape=[2, 1])], opset=15)
    text = tmp_path / "m.mlir"
    onnx.save(model, tmp_path / "m.onnx")
    assert translate("--import-onnx", tmp_path / "m.onnx", "-o", text).returncode == 0
    # An operation that opset 15 lacks, as recipes add.
    text.write_text(text.read_text().replace('"onnx.Neg"', '"onnx.Gelu"').replace("onnx.Neg", "onnx.Gelu"))
    result = translate("--export-onnx", text, "-o", tmp_path / "n.onnx")
    assert result.returncode == 0, result.stderr
    assert onnx.load(tmp_path / "n.onnx").opset_import[0].version == 20


def test_new_values_get_names_of_their_own(tmp_path):
    """Two values that ask for one name, values without any, an input and an initializer that are outputs."""
    body = """    %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
    %a = onnx.Relu(%x) {onnx.output_names = ["t"]} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %b = onnx.Relu(%a) {onnx.output_names = ["t"]} : (tensor<2x4xf32>) -> tensor<2x4xf32>
    %c = onnx.Add(%b, %w) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
    onnx.Return %c : tensor<2x4xf32>"""
    model = export_text(tmp_path, MODULE.format(opset=18, body=body))
    names = [name for node in model.graph.node for name in node.output]
    assert len(set(names)) == 3 and names[-1] == "y" and "t" in names
    model = export_text(tmp_path, MODULE.format(opset=18, body="    onnx.Return %x : tensor<2x4xf32>"))
    assert [(node.op_type, list(node.input), list(node.output)) for node in model.graph.node] == [("Identity", ["x"], ["y"])]


def test_export_leaves_nothing_behind_when_it_fails(tmp_path):
    body = """    %w = onnx.Initializer "w" = #onnx.external<"missing.bin", 0, 40000> : tensor<100x100xf32>
    onnx.Return %x : tensor<2x4xf32>"""
    assert "'missing.bin': no such file" in export_text(tmp_path, MODULE.format(opset=18, body=body), 1)
    assert os.listdir(tmp_path) == ["m.mlir"]


# The tool.

@pytest.mark.parametrize("arguments, text", [
    ([], "expected a translation: --import-onnx"),
    (["--import-onnx", "--export-onnx"], "expected one translation, but got --import-onnx and --export-onnx"),
    (["--no-such-option"], "Unknown command line argument"),
], ids=["none", "two", "unknown"])
def test_usage(arguments, text):
    result = translate(*arguments)
    assert result.returncode == 2 and text in result.stderr


def test_missing_input(tmp_path):
    for mode in ("--import-onnx", "--export-onnx"):
        result = translate(mode, tmp_path / "missing", "-o", tmp_path / "out")
        assert result.returncode == 1 and "missing" in result.stderr


def test_same_input_gives_the_same_bytes(tmp_path):
    path = INPUTS / "llama-genai.onnx"
    outputs = []
    for i in range(2):
        assert import_model(path, tmp_path / f"{i}.mlirbc").returncode == 0
        (tmp_path / str(i)).mkdir()
        assert export_model(tmp_path / f"{i}.mlirbc", tmp_path / f"{i}/m.onnx", "--external-data=always").returncode == 0
        outputs.append([(tmp_path / f"{i}/{name}").read_bytes() for name in ("m.onnx", "m.onnx.data")])
    assert outputs[0] == outputs[1]
