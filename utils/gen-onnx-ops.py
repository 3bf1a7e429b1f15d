#!/usr/bin/env python3
"""Writes the typed operations of the onnx dialect from the ONNX schema registry.

usage: gen-onnx-ops.py [--check]

Reads utils/onnx-ops.txt and writes include/qllm/Dialect/ONNX/IR/ONNX<Family>Ops.td. With --check nothing is written and
the exit status tells whether the checked-in files are what this script would write.
"""

import collections
import pathlib
import sys

import onnx.defs
from onnx.defs import OpSchema

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "include/qllm/Dialect/ONNX/IR"

FLOATS = {"float", "double", "float16", "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2", "float8e5m2fnuz",
          "float8e8m0", "float4e2m1", "float6e2m3", "float6e3m2"}
INTEGERS = {sign + "int" + str(bits) for sign in ("", "u") for bits in (2, 4, 8, 16, 32, 64)}
# Coarse constraints, narrowest first (ONNXTypes.td says why they are coarse).
CONSTRAINTS = [("ONNX_BoolTensor", {"bool"}), ("ONNX_Int64Tensor", {"int64"}), ("ONNX_IndexTensor", {"int32", "int64"}),
               ("ONNX_FloatTensor", FLOATS),
               ("ONNX_NumericTensor", FLOATS | INTEGERS | {"bool", "complex64", "complex128"})]
KIND = OpSchema.AttrType
ATTRIBUTES = {KIND.FLOAT: "F32Attr", KIND.INT: "I64Attr", KIND.STRING: "StrAttr", KIND.TENSOR: "TypedAttrInterface",
              KIND.FLOATS: "DenseF32ArrayAttr", KIND.INTS: "DenseI64ArrayAttr", KIND.STRINGS: "StrArrayAttr",
              KIND.SPARSE_TENSOR: "AnyAttr", KIND.TYPE_PROTO: "TypeAttr"}
# Names that would hide a member of mlir::Op or mlir::Operation.
RESERVED = {"attributes", "operands", "type"}


def families():
    table = collections.OrderedDict()
    for line in (ROOT / "utils/onnx-ops.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            family, names = line.split(":")
            table.setdefault(family, []).extend(names.split())
    return table


def operand_name(name, used):
    name = "".join(c if c.isalnum() else "_" for c in name)
    name = name[0].lower() + name[1:]
    # An accessor getX per operand, attribute and result: names must differ in more than the case of their first letter.
    while name in used or name in RESERVED:
        name += "_value"
    used.add(name)
    return name


def constraint(schema, parameter):
    types = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    elements = set()
    for text in types.get(parameter.type_str, [parameter.type_str]):
        if not text.startswith("tensor("):
            return "AnyType"
        elements.add(text[len("tensor("):-1])
    base = next((name for name, allowed in CONSTRAINTS if elements <= allowed), "ONNX_AnyTensor")
    option = OpSchema.FormalParameterOption
    return {option.Single: base, option.Optional: f"Optional<{base}>", option.Variadic: f"Variadic<{base}>"}[parameter.option]


def is_single(parameter):
    return parameter.option == OpSchema.FormalParameterOption.Single


def operation(schema):
    traits = ["Pure"]
    if sum(not is_single(p) for p in schema.inputs) > 1:
        traits.append("AttrSizedOperandSegments")
    if sum(not is_single(p) for p in schema.outputs) > 1:
        traits.append("AttrSizedResultSegments")
    # Attributes keep their ONNX names: they are what the text of a module shows and what the importer looks up.
    used = set(schema.attributes)
    inputs = [f"{constraint(schema, p)}:${operand_name(p.name, used)}" for p in schema.inputs]
    attributes = []
    for name, attribute in sorted(schema.attributes.items()):
        kind = ATTRIBUTES[attribute.type]
        attributes.append(f"{kind if attribute.required else f'OptionalAttr<{kind}>'}:${name}")
    results = [f"{constraint(schema, p)}:${operand_name(p.name, used)}" for p in schema.outputs]
    lines = [f'def ONNX_{schema.name}Op : ONNX_Op<"{schema.name}", [{", ".join(traits)}]> {{',
             f'  let summary = "ONNX {schema.name}, as of opset {schema.since_version}";']
    for keyword, marker, entries in (("arguments", "ins", inputs + attributes), ("results", "outs", results)):
        flat = f"  let {keyword} = ({marker} {', '.join(entries)});"
        if len(flat) > 110:
            flat = f"  let {keyword} = ({marker}\n    " + ",\n    ".join(entries) + ");"
        lines.append(flat)
    lines.append('  let assemblyFormat = "`(` operands `)` attr-dict `:` functional-type(operands, results)";')
    return "\n".join(lines + ["}"])


def page(family, names):
    guard = f"QLLM_DIALECT_ONNX_IR_ONNX{family.upper()}OPS_TD"
    parts = ["// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.\n"
             "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n//\n"
             f"// Typed operators of ai.onnx, family {family}. Written by utils/gen-onnx-ops.py; a test compares.\n",
             f"#ifndef {guard}\n#define {guard}\n",
             'include "mlir/IR/BuiltinAttributeInterfaces.td"\ninclude "mlir/Interfaces/SideEffectInterfaces.td"\n'
             'include "qllm/Dialect/ONNX/IR/ONNXTypes.td"\n']
    parts += [operation(onnx.defs.get_schema(name)) + "\n" for name in sorted(names)]
    return "\n".join(parts + [f"#endif // {guard}\n"])


def main():
    check = sys.argv[1:] == ["--check"]
    stale = []
    for family, names in families().items():
        path, text = FOLDER / f"ONNX{family}Ops.td", page(family, names)
        if not check:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(path.name)
    if stale:
        sys.exit("differs from what utils/gen-onnx-ops.py writes: " + ", ".join(stale))


main()
