# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tiny kernels around one instruction each, whose inputs and outputs a card records and the emulator has to reproduce.

A lane reads some words, runs the instruction on them, and writes the words of the result; a block is a warp or a warpgroup.
"""
from dataclasses import dataclass

import numpy as np
from kernel_text import Geometry, TensorType
from manifest import Kernel

LANES = 256  # of all blocks
OLD, ALL = ("sm_80", "sm_86", "sm_89"), ("sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a")


@dataclass(frozen=True)
class Instruction:
    """`words` are what the words of a lane hold: "bits", "f16", "bf16" or "f32"; `body` computes %r0.. from %w0.., all i32, in blocks of
    so many `lanes`, with what `memory` declares."""
    name: str
    words: tuple
    results: int
    body: str
    targets: tuple = ALL
    lanes: int = 32
    memory: str = ""

    def module(self, target: str) -> str:
        count = len(self.words)
        loads = "".join(f"    %p{i} = llvm.getelementptr %at[{i}] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32\n"
                        f"    %w{i} = llvm.load %p{i} : !llvm.ptr<1> -> i32\n" for i in range(count))
        stores = "".join(f"    %q{i} = llvm.getelementptr %to[{i}] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i32\n"
                         f"    llvm.store %r{i}, %q{i} : i32, !llvm.ptr<1>\n" for i in range(self.results))
        features = "+ptx81" if target in OLD or target == "sm_90a" else "+ptx88"
        return (f'gpu.module @{target} [#nvvm.target<O = 3, chip = "{target}", features = "{features}">] {{\n'
                f"{self.memory}  llvm.func @{self.name}(%in: !llvm.ptr<1>, %out: !llvm.ptr<1>) attributes {{nvvm.kernel}} {{\n"
                "    %thread = nvvm.read.ptx.sreg.tid.x : i32\n    %block = nvvm.read.ptx.sreg.ctaid.y : i32\n"
                f"    %lanes = llvm.mlir.constant({self.lanes} : i32) : i32\n    %before = llvm.mul %block, %lanes : i32\n"
                "    %lane = llvm.add %before, %thread : i32\n"
                f"    %at = llvm.getelementptr %in[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<{count} x i32>\n"
                f"    %to = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<{self.results} x i32>\n"
                f"{loads}{self.body}{stores}    llvm.return\n  }}\n}}\n")

    def kernel(self, files: dict) -> Kernel:
        operand, result = (TensorType("i32", (LANES, width)) for width in (len(self.words), self.results))
        return Kernel(self.name, files, (operand,), (result,), (), Geometry(LANES // self.lanes, 1, self.lanes, 0), "", (1,))

    def inputs(self, random) -> np.ndarray:
        """Words for every lane."""
        return np.stack([random_words(kind, random) for kind in self.words], axis=-1)


def random_words(kind: str, random) -> np.ndarray:
    bits = random.integers(0, 1 << 32, LANES, np.uint32)
    if kind == "bits":
        return bits
    if kind == "f32":
        # Signs and fractions are random, exponents within 2^-24 to 2^24: near enough to be added, far enough to be cut off.
        return bits & 0x807FFFFF | random.integers(103, 151, LANES, np.uint32) << 23
    width, bias = {"f16": (10, 15), "bf16": (7, 127)}[kind]
    halves = random.integers(0, 1 << 16, (LANES, 2), np.uint16) & (0x8000 | (1 << width) - 1)
    halves |= random.integers(bias - 10, bias + 10, (LANES, 2), np.uint16) << width
    return halves.view(np.uint32)[:, 0]


def cast(new: str, old: str, kind: str) -> str:
    return f"    {new} = llvm.bitcast {old} : i32 to {kind}\n"


def struct(kind: str, count: int) -> str:
    return f"!llvm.struct<({', '.join([kind] * count)})>"


def fields(kind: str, count: int = 4) -> str:
    """The words of %d as %r0..."""
    whole = struct(kind, count)
    if kind == "i32":
        return "".join(f"    %r{i} = llvm.extractvalue %d[{i}] : {whole}\n" for i in range(count))
    return "".join(f"    %d{i} = llvm.extractvalue %d[{i}] : {whole}\n    %r{i} = llvm.bitcast %d{i} : {kind} to i32\n" for i in range(count))


def integer_mma(left: str, right: str) -> Instruction:
    depth = 32 if left[1] == "8" else 64
    body = ("    %d = nvvm.mma.sync A[%w0, %w1, %w2, %w3] B[%w4, %w5] C[%w6, %w7, %w8, %w9]\n"
            "      {intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>, layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>,\n"
            f"       multiplicandAPtxType = #nvvm.mma_type<{left}>, multiplicandBPtxType = #nvvm.mma_type<{right}>,\n"
            f"       shape = #nvvm.shape<m = 16, n = 8, k = {depth}>}} : (i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>\n")
    return Instruction(f"mma_m16n8k{depth}_{left}_{right}", ("bits",) * 10, 4, body + fields("i32"), ALL if depth == 32 else OLD)


def float_mma(kind: str) -> Instruction:
    sums = "".join(cast(f"%c{i}", f"%w{6 + i}", "f32") for i in range(4))
    names, registers, types = [f"%w{i}" for i in range(6)], "", ""
    operand = "i32"
    if kind == "f16":
        operand = "vector<2xf16>"
        registers = "".join(cast(f"%v{i}", f"%w{i}", operand) for i in range(6))
        names = [f"%v{i}" for i in range(6)]
    else:
        types = f"multiplicandAPtxType = #nvvm.mma_type<{kind}>, multiplicandBPtxType = #nvvm.mma_type<{kind}>, "
    body = (f"{sums}{registers}    %d = nvvm.mma.sync A[{', '.join(names[:4])}] B[{', '.join(names[4:])}] C[%c0, %c1, %c2, %c3]\n"
            f"      {{layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, {types}shape = #nvvm.shape<m = 16, n = 8, k = 16>}}\n"
            f"      : ({operand}, {operand}, f32) -> !llvm.struct<(f32, f32, f32, f32)>\n")
    return Instruction(f"mma_m16n8k16_{kind}", (kind,) * 6 + ("f32",) * 4, 4, body + fields("f32"))


def encode(name: str, kind: str, targets: tuple, four_bits: bool = False) -> Instruction:
    """Two f32 to two small floats."""
    result, operation = ("i8", "f4x2 %x, %y") if four_bits else ("i16", "f8x2 %x, %y {rnd = #nvvm.fp_rnd_mode<rn>, sat = #nvvm.sat_mode<satfinite>}")
    body = (cast("%x", "%w0", "f32") + cast("%y", "%w1", "f32") + f"    %e = nvvm.convert.f32x2.to.{operation} : {result} ({kind})\n"
            f"    %r0 = llvm.zext %e : {result} to i32\n")
    return Instruction(f"cvt_{name}", ("f32", "f32"), 1, body, targets)


def decode(name: str, kind: str, targets: tuple, four_bits: bool = False) -> Instruction:
    """Two small floats to two f16."""
    source, bits = ("f4x2", "i8") if four_bits else ("f8x2", "i16")
    cut = f"    %e = llvm.trunc %w0 : i32 to {bits}\n"
    body = cut + (f"    %h = nvvm.convert.{source}.to.f16x2 %e : {bits} ({kind}) -> vector<2xf16>\n"
                  "    %r0 = llvm.bitcast %h : vector<2xf16> to i32\n")
    if not four_bits:
        body = body.replace(cut, cut + "    %b = llvm.bitcast %e : i16 to vector<2xi8>\n").replace("%e : i16 (", "%b : vector<2xi8> (")
    return Instruction(f"cvt_{name}", ("bits",), 1, body, targets)


def convert(name: str, operation: str, source: str, result: str) -> Instruction:
    """One number of 32 bits to another; narrower results fill the word up with zeros."""
    body = cast("%x", "%w0", "f32") if source == "f32" else ""
    body += f"    %y = llvm.{operation} {'%x' if source == 'f32' else '%w0'} : {source} to {result}\n"
    body += (f"    %h = llvm.bitcast %y : {result} to i16\n    %r0 = llvm.zext %h : i16 to i32\n" if result.endswith("f16")
             else f"    %r0 = llvm.bitcast %y : {result} to i32\n")
    return Instruction(f"cvt_{name}", ("f32" if source == "f32" else "bits",), 1, body)


def warpgroup_mma(name: str, element: str, sums: str, words: str, swizzle: int) -> Instruction:
    """A of 64 rows and B of 16, of 32 bytes each, as they lie in shared memory: the bytes of the lanes one after the other. So what a
    descriptor and its swizzle mean is recorded as well."""
    kind, depth = {"s32": "i32"}.get(sums, sums), {"bf16": 16, "f16": 16}.get(element, 32)
    # Units of 16 bytes: from one 16-byte column to the next without a swizzle, from eight rows to the next; the kind of swizzle on top.
    place = 8 << 16 | 16 << 32 | (3 << 62 if swizzle else 0)
    body = ("    %tile = llvm.mlir.addressof @tile : !llvm.ptr<3>\n    %a_at = llvm.getelementptr %tile[%thread] : (!llvm.ptr<3>, i32) -> "
            "!llvm.ptr<3>, !llvm.array<4 x i32>\n    %b = llvm.getelementptr %tile[2048] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i8\n"
            "    %b_at = llvm.getelementptr %b[%thread] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32\n"
            "    llvm.store %w4, %b_at : i32, !llvm.ptr<3>\n")
    for i in range(4):
        body += (f"    %a{i} = llvm.getelementptr %a_at[{i}] : (!llvm.ptr<3>) -> !llvm.ptr<3>, i32\n"
                 f"    llvm.store %w{i}, %a{i} : i32, !llvm.ptr<3>\n")
    body += ("    nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}\n    nvvm.barrier0\n"
             f"    %place = llvm.mlir.constant({place - (1 << 64 if swizzle else 0)} : i64) : i64\n    %four = llvm.mlir.constant(4 : i32) : i32\n"
             "    %mask = llvm.mlir.constant(16383 : i32) : i32\n")
    for matrix, pointer in (("a", "%tile"), ("b", "%b")):
        body += (f"    %{matrix}_start = llvm.ptrtoint {pointer} : !llvm.ptr<3> to i32\n"
                 f"    %{matrix}_unit = llvm.lshr %{matrix}_start, %four : i32\n"
                 f"    %{matrix}_part = llvm.and %{matrix}_unit, %mask : i32\n"
                 f"    %{matrix}_low = llvm.zext %{matrix}_part : i32 to i64\n"
                 f"    %{matrix}_matrix = llvm.or %{matrix}_low, %place : i64\n")
    body += f"    %s0 = llvm.mlir.poison : {struct(kind, 8)}\n"
    for i in range(8):
        value = f"%w{5 + i}"
        if kind == "f32":
            body += cast(f"%c{i}", value, "f32")
            value = f"%c{i}"
        body += f"    %s{i + 1} = llvm.insertvalue {value}, %s{i}[{i}] : {struct(kind, 8)}\n"
    scale = ", #nvvm.wgmma_scale_in<one>"
    body += (f"    nvvm.wgmma.fence.aligned\n    %d = nvvm.wgmma.mma_async %a_matrix, %b_matrix, %s8, #nvvm.shape<m = 64, n = 16, k = {depth}>,\n"
             f"      D [#nvvm.wgmma_type<{sums}>, #nvvm.wgmma_scale_out<one>], A [#nvvm.wgmma_type<{element}>{scale}, #nvvm.mma_layout<row>],\n"
             f"      B [#nvvm.wgmma_type<{element}>{scale}, #nvvm.mma_layout<col>] : {struct(kind, 8)} -> {struct(kind, 8)}\n"
             "    nvvm.wgmma.commit.group.sync.aligned\n    nvvm.wgmma.wait.group.sync.aligned 0\n")
    memory = "  llvm.mlir.global internal @tile() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<2560 x i8>\n"
    return Instruction(f"wgmma_m64n16k{depth}_{name}" + (f"_swizzle{swizzle}" if swizzle else ""),
                       (words,) * 5 + ("f32" if kind == "f32" else "bits",) * 8, 8, body + fields(kind, 8), ("sm_90a",), 128, memory)


EIGHT, FOUR = ("sm_89", "sm_90a", "sm_100a", "sm_120a"), ("sm_100a", "sm_120a")
SIGNS = [(left, right) for left in "su" for right in "su"]
INSTRUCTIONS = {each.name: each for each in (
    *(integer_mma(f"{left}{bits}", f"{right}{bits}") for bits in (8, 4) for left, right in SIGNS), float_mma("f16"), float_mma("bf16"),
    convert("f16_f32", "fptrunc", "f32", "f16"), convert("bf16_f32", "fptrunc", "f32", "bf16"), convert("f32_s32", "sitofp", "i32", "f32"),
    encode("e4m3x2_f32", "f8E4M3FN", EIGHT), encode("e5m2x2_f32", "f8E5M2", EIGHT), encode("e2m1x2_f32", "f4E2M1FN", FOUR, True),
    *(warpgroup_mma(name, name, sums, words, swizzle) for swizzle in (0, 32) for name, sums, words in (
        ("s8", "s32", "bits"), ("u8", "s32", "bits"), ("f16", "f32", "f16"), ("bf16", "f32", "bf16"))),
    decode("f16x2_e4m3x2", "f8E4M3FN", EIGHT), decode("f16x2_e5m2x2", "f8E5M2", EIGHT), decode("f16x2_e2m1x2", "f4E2M1FN", FOUR, True))}
