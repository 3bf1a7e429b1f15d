"""Fails unless two ONNX files hold the same model, and the second passes the checker if the first does.

usage: compare-models.py BEFORE AFTER

Where weights lie may differ; names, order of nodes, types, attributes and bytes of weights may not.
"""

import sys

import onnx
from onnx import numpy_helper


def value_infos(values):
    return {value.name: value.SerializeToString(deterministic=True) for value in values}


def tensor(value):
    array = numpy_helper.to_array(value)
    return value.data_type, array.shape, array.dtype, array.tolist() if array.dtype == object else array.tobytes()


def attribute(value):
    if value.type == onnx.AttributeProto.TENSOR:
        return tensor(value.t)
    if value.type == onnx.AttributeProto.GRAPH:
        return graph(value.g)
    return value.SerializeToString(deterministic=True)


def trimmed(names):
    names = list(names)
    while names and not names[-1]:
        names.pop()
    return names


def node(value):
    return (value.name, value.op_type, value.domain, value.overload, value.doc_string, trimmed(value.input), trimmed(value.output),
            {entry.key: entry.value for entry in value.metadata_props}, {a.name: attribute(a) for a in value.attribute})


def graph(value):
    return {"name": value.name, "doc": value.doc_string, "inputs": [v.SerializeToString(deterministic=True) for v in value.input],
            "outputs": [v.SerializeToString(deterministic=True) for v in value.output],
            "value_info": {k: v for k, v in value_infos(value.value_info).items()}, "nodes": [node(n) for n in value.node],
            "initializers": {t.name: tensor(t) for t in value.initializer}}


def differences(before, after, path=""):
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        for key in before:
            yield from differences(before[key], after[key], f"{path}/{key}")
    elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)) and len(before) == len(after):
        for index, (left, right) in enumerate(zip(before, after)):
            yield from differences(left, right, f"{path}[{index}]")
    elif before != after:
        yield f"{path}: {str(before)[:200]} became {str(after)[:200]}"


def accepted(path):
    """The checker refuses operators that ONNX Runtime keeps in the default domain, before and after."""
    try:
        onnx.checker.check_model(path)
    except onnx.checker.ValidationError:
        return False
    return True


def main():
    if accepted(sys.argv[1]):
        onnx.checker.check_model(sys.argv[2])
    before, after = (onnx.load(path) for path in sys.argv[1:3])
    found = list(differences(graph(before.graph), graph(after.graph)))
    for field in ("ir_version", "producer_name", "producer_version", "domain", "model_version", "doc_string"):
        found += list(differences(getattr(before, field), getattr(after, field), field))
    opsets = [{(i.domain or "ai.onnx"): i.version for i in model.opset_import} for model in (before, after)]
    found += list(differences(*opsets, "opset_import"))
    found += list(differences(*[{p.key: p.value for p in m.metadata_props} for m in (before, after)], "metadata"))
    for line in found[:20]:
        print(line)
    sys.exit(1 if found else 0)


main()
