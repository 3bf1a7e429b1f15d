# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The schedule that the compiler chooses by itself for a product, in the options of the scripts that run kernels."""
import re

from kernel_block_scaled import BLOCKS
from kernel_codes import Format
from kernel_text import compile_module

SCHEDULE = re.compile(r"#qk\.schedule<tile = \[([^]]*)\], warps = \[([^]]*)\], stages = (\d+)([^>]*)>")


def block_types(form: str, rows, depth: int) -> tuple:
    """Of codes, scales and both together, of NVFP4 or MXFP4."""
    length, scale = BLOCKS[form]
    encoding = {"nvfp4": "e4m3", "mxfp4": "ue8m0"}[form]
    return (f"tensor<{rows}x{depth}xf4E2M1FN>", f"tensor<{rows}x{depth // length}x{scale}>",
            f"!qllm.quantized<{rows}x{depth}, #qllm.float<e2m1>, group<1, {length}>, scale = {encoding}>")


def integer_types(form: str, rows, depth: int, group: int, alone: str) -> tuple:
    """The same of integers, which have scales of groups or such as `alone` says."""
    codes = Format(form)
    granularity, groups = (f"group<1, {group}>", f"x{depth // group}") if group else (alone, "")
    return (f"tensor<{rows}x{depth}x{codes.storage}>", f"tensor<{rows}{groups}xf32>",
            f"!qllm.quantized<{rows}x{depth}, {codes.attribute}, {granularity}>")


def branch(columns: int, depth: int, input_: str) -> tuple:
    """Lines of a low-rank branch of quantized inputs %q beside a product %y, and of their sum %sum with a residual %r."""
    down, up = (f"!qllm.quantized<{rows}x{length}, #qllm.int<8>, per_channel<0>>" for rows, length in ((32, depth), (columns, 32)))
    result = f"tensor<?x{columns}xf32>"
    return (f'  %dc = onnx.Initializer "dc" = dense<1> : tensor<32x{depth}xi8>', '  %ds = onnx.Initializer "ds" = dense<0.5> : tensor<32xf32>',
            f"  %d = qllm.pack %dc, %ds : (tensor<32x{depth}xi8>, tensor<32xf32>) -> {down}",
            f'  %uc = onnx.Initializer "uc" = dense<1> : tensor<{columns}x32xi8>', f'  %us = onnx.Initializer "us" = dense<0.5> : tensor<{columns}xf32>',
            f"  %u = qllm.pack %uc, %us : (tensor<{columns}x32xi8>, tensor<{columns}xf32>) -> {up}",
            f"  %b = qllm.low_rank %q, %d, %u : ({input_}, {down}, {up}) -> {result}",
            f"  %t = onnx.Add(%y, %b) : ({result}, {result}) -> {result}", f"  %sum = onnx.Add(%t, %r) : ({result}, {result}) -> {result}")


def product(o: dict, has_branch: bool = False) -> str:
    """A module with the product that options of run-linear.py, run-weight-only.py or run-block-scaled.py describe, and a branch and a residual."""
    rows, columns, depth = o["rows"], int(o["columns"]), int(o["depth"])
    group = int(o.get("group", 0))
    if "format" in o:
        codes, scales, weight = block_types(o["format"], columns, depth)
        input_ = block_types(o["format"], rows, depth)[2]
    else:
        codes, scales, weight = integer_types(o["weight"], columns, depth, group, "per_channel<0>")
        input_ = f"tensor<{rows}x{depth}x{o['input']}>"
        if not re.match("b?f", o["input"]):
            input_ = integer_types(o["input"], rows, depth, group * int(o["input_groups"]), "per_token")[2]
    zeros = scales.replace("f32", "ui8") if "asymmetric" in weight else ""
    operands, kinds = ("%c, %s, %z", f"{codes}, {scales}, {zeros}") if zeros else ("%c, %s", f"{codes}, {scales}")
    real = input_ if input_.startswith("tensor") else f"tensor<{rows}x{depth}xf32>"
    result = f"tensor<{rows}x{columns}xf32>"
    residual = f", %r: {result}" if has_branch else ""
    lines = [f"func.func @main(%x: {real}{residual}) -> {result} {{",
             f'  %c = onnx.Initializer "c" = dense<1{".0" if "format" in o else ""}> : {codes}', f'  %s = onnx.Initializer "s" = dense<0.5> : {scales}',
             f'  %z = onnx.Initializer "z" = dense<1> : {zeros}' if zeros else "",
             f"  %w = qllm.pack {operands} : ({kinds}) -> {weight}",
             f"  %q = qllm.quantize %x : {real} -> {input_}" if input_ != real else "",
             f"  %y = qllm.linear {'%q' if input_ != real else '%x'}, %w : ({input_}, {weight}) -> {result}",
             *(branch(columns, depth, input_) if has_branch else ()), f"  return {'%sum' if has_branch else '%y'} : {result}", "}"]
    return "\n".join(lines)


def chosen(o: dict) -> dict:
    """The options with that schedule, or as they are where the compiler has no kernel."""
    text = compile_module(product(o), f"--convert-qllm-to-kernel=targets={o['target']} rows={o['rows']}")
    found = SCHEDULE.search(text)
    if not found:
        return o
    tile, warps, stages, more = found.groups()
    fields = {key: (re.findall(rf"\b{key} = (\d+)", more) or [default])[0] for key, default in (("producers", "0"), ("blocks", "0"), ("cluster", "1"))}
    o = o | dict(tile=tile.replace(" ", ""), warps=warps.replace(" ", ""), stages=stages) | {key: fields[key] for key in fields if key in o}
    if "bytes" in o:
        codes = re.search(r"qk\.linear .*? : \(tensor<\w+?x(u?i\d)>", text, re.DOTALL)[1]
        o["bytes"] = str(int(codes[-1] == "8" and Format(o["input"]).halves))
    return o
