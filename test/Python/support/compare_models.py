# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tells whether two ONNX files hold the same model.

usage: compare_models.py BEFORE AFTER

Where weights lie may differ, and the order of attributes, declarations and metadata; names, order of nodes, types, values and bytes of
weights may not. Exit status 1 and the first differences if they do, or if the ONNX checker accepts the first and not the second.
"""

import sys

import onnx
from onnx import numpy_helper


def entries(values):
    return sorted((entry.key, entry.value) for entry in values)


def tensor(value):
    data = list(value.string_data) if value.data_type == onnx.TensorProto.STRING else numpy_helper.to_array(value).tobytes()
    return {"type": value.data_type, "shape": list(value.dims), "data": data, "doc": value.doc_string, "metadata": entries(value.metadata_props)}


def sparse(value):
    return {"name": value.values.name, "values": tensor(value.values), "indices": tensor(value.indices), "dims": list(value.dims)}


def message(value):
    return value.SerializeToString(deterministic=True)


def attribute(value):
    kind, shown = onnx.AttributeProto, {"doc": value.doc_string, "refers": value.ref_attr_name, "type": value.type}
    if value.type == kind.TENSOR:
        shown.update(value=tensor(value.t), name=value.t.name)
    elif value.type == kind.TENSORS:
        shown["value"] = [tensor(each) for each in value.tensors]
    elif value.type == kind.GRAPH:
        shown["value"] = graph(value.g)
    elif value.type == kind.GRAPHS:
        shown["value"] = [graph(each) for each in value.graphs]
    elif value.type == kind.SPARSE_TENSOR:
        shown["value"] = sparse(value.sparse_tensor)
    else:
        shown["value"] = message(value)
    return shown


def trimmed(names):
    names = list(names)
    while names and not names[-1]:
        names.pop()
    return names


def node(value):
    return {"name": value.name, "op": value.op_type, "domain": value.domain, "overload": value.overload, "doc": value.doc_string,
            "inputs": trimmed(value.input), "outputs": trimmed(value.output), "metadata": entries(value.metadata_props),
            "devices": [message(each) for each in value.device_configurations],
            "attributes": {each.name: attribute(each) for each in value.attribute}}


def graph(value):
    return {"name": value.name, "doc": value.doc_string, "inputs": [message(each) for each in value.input],
            "outputs": [message(each) for each in value.output], "metadata": entries(value.metadata_props),
            "declared": {each.name: message(each) for each in value.value_info}, "nodes": [node(each) for each in value.node],
            "initializers": {each.name: tensor(each) for each in value.initializer},
            "sparse": [sparse(each) for each in value.sparse_initializer],
            "annotations": [(each.tensor_name, entries(each.quant_parameter_tensor_names)) for each in value.quantization_annotation]}


def opsets(value):
    return {each.domain or "ai.onnx": each.version for each in value.opset_import}


def function(value):
    return {"inputs": list(value.input), "outputs": list(value.output), "parameters": list(value.attribute), "doc": value.doc_string,
            "defaults": {each.name: attribute(each) for each in value.attribute_proto}, "opsets": opsets(value),
            "nodes": [node(each) for each in value.node], "metadata": entries(value.metadata_props),
            "declared": {each.name: message(each) for each in value.value_info}}


def model(value):
    plain = {name: getattr(value, name) for name in
             ("ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string")}
    return {**plain, "opsets": opsets(value), "metadata": entries(value.metadata_props), "graph": graph(value.graph),
            "functions": {f"{each.domain}:{each.name}:{each.overload}": function(each) for each in value.functions},
            "training": [message(each) for each in value.training_info], "devices": [message(each) for each in value.configuration]}


def differences(before, after, path=""):
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key in before:
            yield from differences(before[key], after[key], f"{path}/{key}")
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after)):
            yield from differences(left, right, f"{path}[{index}]")
    elif before != after:
        yield f"{path}: {str(before)[:200]} became {str(after)[:200]}"


def compare_files(before, after):
    """What differs, one line each; nothing for equal models."""
    found = list(differences(model(onnx.load(before)), model(onnx.load(after))))
    try:
        onnx.checker.check_model(str(before))
    except onnx.checker.ValidationError:
        return found  # such as operators that ONNX Runtime keeps in the default domain
    try:
        onnx.checker.check_model(str(after))
    except onnx.checker.ValidationError as error:
        found.append(f"the checker refuses it now: {error}")
    return found


if __name__ == "__main__":
    lines = compare_files(*sys.argv[1:3])
    print("\n".join(lines[:20]))
    sys.exit(1 if lines else 0)
