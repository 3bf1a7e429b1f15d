# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads what qllm-opt prints of kernels: how they are launched, their PTX or binaries, and their code for the emulator."""
import itertools
import math
import re
import subprocess
from dataclasses import dataclass, field, replace

OBJECT = re.compile(r'#gpu\.object<#nvvm\.target<[^>]*chip = "(\w+)"[^>]*>,[^"]*(?:assembly|bin) = "((?:[^"\\]|\\.)*)"')
LAUNCH = re.compile(r'qk\.launch "(\w+)"\([^)]*\) sizes \[([^\]]*)\](?: in_place \[([^\]]*)\])?(?: rows_of_results \[([^\]]*)\])? geometry \{(.*?)\}[^:{}]*: \((.*?)\) -> (.*)')
GEOMETRY = re.compile(r"(\w+) = #qk\.geometry<((?:[^<>]|<[^<>]*>)*)>")
FLATTEN = "convert-scf-to-cf,convert-gpu-to-nvvm,reconcile-unrealized-casts,canonicalize,cse"
BITS = {"i1": 8, "i4": 4, "ui4": 4, "i8": 8, "ui8": 8, "i16": 16, "ui16": 16, "i32": 32, "i64": 64, "f16": 16, "bf16": 16, "f32": 32,
        "f4E2M1FN": 4, "f8E4M3FN": 8, "f8E8M0FNU": 8}


class CompilerFailed(Exception):
    """qllm-opt ended with an error; the text is its own."""


@dataclass(frozen=True)
class TensorType:
    """Element type and shape; None is a dynamic size, a number of rows divided by `rows_each`."""
    element: str
    shape: tuple
    rows_each: int = 1

    @staticmethod
    def parse(text: str) -> "TensorType":
        *sizes, element = re.fullmatch(r"tensor<([^>]*)>", text)[1].split("x")
        return TensorType(element, tuple(None if size == "?" else int(size) for size in sizes))

    def bytes(self, rows: int) -> int:
        """All of it, with so many rows where sizes are dynamic; half bytes are filled up at the end."""
        count = math.prod(-(-rows // self.rows_each) if size is None else size for size in self.shape)
        return -(-count * BITS[self.element] // 8)

    def row_bytes(self) -> int:
        """Bytes of all dimensions but the first."""
        return TensorType(self.element, (1, *self.shape[1:])).bytes(1)


@dataclass(frozen=True)
class TensorMap:
    operand: int
    rows: int
    row_bytes: int
    swizzle: int = 0

    def describe(self, row_bytes: int, rows: int) -> dict:
        """Of a matrix, as a launch file of qllm-emu has it: coordinates count bytes of a row, then rows."""
        return {"box": [self.row_bytes, self.rows], "sizes": [row_bytes, rows], "strides": [row_bytes], "swizzle": self.swizzle}


@dataclass(frozen=True)
class Geometry:
    columns: int
    tile_rows: int
    threads: int
    shared: int
    layers: int = 1
    cluster: int = 1
    column_cluster: int = 1
    maps: tuple = field(default=())

    @staticmethod
    def parse(text: str) -> "Geometry":
        maps = tuple(TensorMap(**numbers(each)) for each in re.findall(r"#qk\.tensor_map<([^>]*)>", text))
        return Geometry(**numbers(re.sub(r", maps = \[.*\]", "", text)), maps=maps)

    def grid(self, rows: int) -> tuple:
        return -(-rows // (self.tile_rows * self.cluster)) * self.cluster, self.columns, self.layers


@dataclass(frozen=True)
class Launch:
    """A `qk.launch`: operands and results are TensorType, `sizes` are pairs of an operand and a dimension."""
    kernel: str
    operands: tuple
    results: tuple
    sizes: tuple
    geometry: dict  # of a target's name to Geometry
    in_place: tuple = ()  # pairs of a result and the operand that is its memory


def numbers(text: str) -> dict:
    return {key: int(value) for key, value in re.findall(r"(\w+) = (\d+)", text)}


def pairs(text: str) -> tuple:
    flat = [int(each) for each in re.findall(r"-?\d+", text)]
    return tuple(zip(flat[::2], flat[1::2]))


def types(text: str) -> tuple:
    return tuple(TensorType.parse(each) for each in re.findall(r"tensor<[^>]*>", text))


def launches(text: str) -> list:
    """Every `qk.launch` of a module, in its order."""
    found = []
    for kernel, sizes, in_place, rows_each, geometry, operands, results in LAUNCH.findall(text):
        by_target = {target: Geometry.parse(body) for target, body in GEOMETRY.findall(geometry)}
        rows = map(int, re.findall(r"\d+", rows_each)) if rows_each else itertools.repeat(1)
        of_rows = tuple(replace(each, rows_each=count) for each, count in zip(types(results), rows))
        found.append(Launch(kernel, types(operands), of_rows, pairs(sizes), by_target, pairs(in_place)))
    return found


def unescape(text: str) -> bytes:
    """The bytes of a printed MLIR string."""
    return re.sub(r"\\([0-9A-Fa-f]{2}|.)", lambda m: chr(int(m[1], 16)) if len(m[1]) == 2 else m[1], text).encode("latin-1")


def objects(text: str) -> list:
    """(target, PTX or binary) of each object of a module's gpu.binary operations."""
    return [(target, unescape(code)) for target, code in OBJECT.findall(text)]


def compile_module(module: str, *options: str) -> str:
    """What qllm-opt, found on the path, prints for the text of a module."""
    run = subprocess.run(["qllm-opt", "-", *options], input=module, capture_output=True, text=True, check=False)
    if run.returncode:
        raise CompilerFailed(run.stderr.strip())
    return run.stdout


def lower(module: str, target: str, form: str, toolkit: str = "") -> str:
    """The module after qllm-lower-to-nvvm."""
    extra = f" toolkit={toolkit}" if toolkit else ""
    return compile_module(module, f"--qllm-lower-to-nvvm=targets={target} format={form}{extra}")


def emulator_module(lowered: str) -> str:
    """What qllm-emu runs, of a module that was lowered for one target with format=kernels."""
    code = re.search(r"^  gpu\.module .*?^  }", lowered, re.MULTILINE | re.DOTALL)[0]
    aliases = "\n".join(re.findall(r"^#.*", lowered, re.MULTILINE))
    return compile_module(f"{aliases}\n{code}\n", f"--pass-pipeline=builtin.module(gpu.module({FLATTEN}))")
