# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random kernels of every family: options of the scripts that run one, most of which a verifier takes."""
import numpy as np
from kernel_block_scaled import BLOCKS
from kernel_choice import chosen
from kernel_codes import Format

TARGETS = ("sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a")
FORMATS = ("int3", "uint3", "int4", "uint4", "int5", "uint5", "int6", "uint6", "int7", "uint7", "int8", "uint8")
FLOATS = ("f16", "bf16", "f32")


class Draw:
    """Numbers that a seed and the number of a case make."""

    def __init__(self, seed: int, index: int):
        self.random = np.random.default_rng([seed, index])

    def one(self, *choices):
        return choices[self.random.integers(len(choices))]

    def flag(self, each: int) -> int:
        """1 once in so many times."""
        return int(self.random.integers(each) == 0)

    def upto(self, most: int) -> int:
        return int(self.random.integers(1, most + 1))

    def size(self, most: int, step: int = 1) -> int:
        """A multiple of `step`: tiny, next to or at an edge of tiles, or any."""
        edge = self.one(16, 32, 64, 128)
        value = self.one(self.upto(4), self.upto(-(-most // edge)) * edge + self.one(-1, 0, 1), self.upto(most))
        return max(-(-min(value, most) // step), 1) * step

    def run(self) -> dict:
        """How the emulator runs it, and other operands for each case."""
        return dict(seed=int(self.random.integers(0, 1 << 20)) * self.one(0, 1), draw=self.upto(1 << 20)) | {"async": self.one("eager", "lazy", "random")}


def tile(draw: Draw, depths: tuple, least: int = 1) -> dict:
    """Of warps that load for themselves; rows of the first depth take a multiple of `least` warps, and of the second twice as many."""
    warps = [draw.one(1, 1, 2, 4), draw.one(1, 2, 2, 4)]
    sides = [each * draw.one(*sizes) for each, sizes in zip(warps, ((16, 16, 32, 64), (16, 32, 32, 64)))]
    fitting = [depth for i, depth in enumerate(depths) if warps[0] * warps[1] % (least << i) == 0] or depths[:1]
    return dict(tile=f"{sides[0]},{sides[1]},{draw.one(*fitting)}", warps=f"{warps[0]},{warps[1]}", stages=draw.one(2, 3, 4, 5))


def integer_product(draw: Draw, weight: str, input_: str) -> dict:
    """What all products of integers may have beside their codes."""
    o = dict(rows=draw.size(150), columns=draw.size(300), input=input_, weight=weight, zero=draw.one("ui8", "i16", "i32"), bias=draw.flag(2),
             residual=draw.flag(3), gate=draw.flag(5), rank=draw.one(0, 0, 0, 32, 96), result=draw.one("f16", "f32"),
             data=draw.one("random", "random", "ends"))
    # Larger sums than f16 has numbers for leave nothing to compare.
    return o | dict(result="f32") if o["zero"] == "i32" or (o["gate"] and not input_.startswith("i")) else o


def deep(draw: Draw, o: dict, step: int) -> dict:
    """The same with about as large a depth as sums of codes have room for, and few rows and columns."""
    weight, input_ = Format(o["weight"]), Format(o["input"], o["bytes"] != 0)
    largest = [1 << form.bits - form.signed for form in (weight, input_)]
    room = 2**31 // (largest[0] * largest[1] * 16**(weight.halves + input_.halves))
    return o | dict(rows=draw.upto(4), columns=draw.upto(20), depth=min(room // step + draw.one(-1, 0), 140000 // step) * step, data="ends", result="f32")


def linear(draw: Draw) -> dict:
    weight, input_ = sorted((draw.one(*FORMATS), draw.one(*FORMATS)), key=lambda name: Format(name).bits > 4)
    in_bytes = int(Format(input_).halves and draw.flag(4))
    storage = 4 if Format(input_).halves and not in_bytes else 8
    depths = [each * 8 // storage for each in (64, 128)]
    o = integer_product(draw, weight, input_) | tile(draw, depths)
    o |= dict(target=draw.one(*TARGETS), bytes=in_bytes, depth=draw.size(640, 128 // storage))
    groups = [length for length in (32, 64, 128, 256) if length % (256 // storage) == 0 and int(o["tile"].split(",")[2]) % length == 0]
    if groups and draw.flag(3):
        o["group"] = draw.one(*groups)
        o |= dict(depth=o["group"] * (1 + draw.upto(6)), input_groups=draw.flag(3), weight_zero=draw.one("ui8", "ui4") if Format(weight).halves else "ui8")
    elif draw.flag(8):
        o = deep(draw, o, 128 // storage) | dict(tile=f"16,64,{depths[0]}", warps="1,4")
    return o


def cluster(draw: Draw, tile_rows: int, tile_columns: int, columns: int, narrow: bool) -> int:
    """Blocks that share the larger tile: they divide its rows of bytes, and the tiles of columns where it is that of the input."""
    size = draw.one(1, 1, 2, 4)
    if tile_rows * 128 > tile_columns * (64 if narrow else 128):
        fits = tile_rows % (8 * size) == 0 and -(-columns // tile_columns) % size == 0
    else:
        fits = tile_columns % ((16 if narrow else 8) * size) == 0
    return size if fits else 1


def warpgroups(draw: Draw) -> dict:
    """Four-bit weights are on the left, where warps share columns, as everything with groups is."""
    weight, input_ = sorted((draw.one(*FORMATS), draw.one(*FORMATS)), key=lambda name: Format(name).bits > 4)
    narrow, group = Format(weight).halves, draw.one(0, 0, 32, 64, 128)
    if group and not narrow:
        weight = "int" + weight[-1]
    share, shares_columns = 16 * draw.one(4, 8), narrow or group or draw.flag(2)
    whole = draw.one(8, 16, 32, 64, *([] if group == 32 else [96, 128]), *([] if group else [192, 256]))
    rows, columns, warps = (whole, share, f"1,{share // 16}") if shares_columns else (share, whole, f"{share // 16},1")
    o = integer_product(draw, weight, input_) | dict(
        target="sm_90a", producers=1, depth=draw.size(800, 16), bytes=int(Format(input_).halves),
        tile=f"{rows},{columns},128", warps=warps, stages=draw.one(2, 3, 4, 8), weight_zero="ui4" if group else "ui8")
    o["cluster"] = cluster(draw, rows, columns, int(o["columns"]), Format(weight).halves)
    if group:
        # Differences of zero points round in another place than the formula, beyond 2^24.
        o |= dict(group=group, depth=group * (1 + draw.upto(7)), input_groups=draw.flag(2), zero=draw.one("ui8", "i16"))
    elif draw.flag(8):
        o = deep(draw, o, 16)
    return o


def weight_only(draw: Draw) -> dict:
    input_ = draw.one("f16", "bf16")
    weight = draw.one(*(form for form in FORMATS if input_ == "f16" or form[0] == "i" or Format(form).halves))
    o = dict(target=draw.one(*TARGETS), rows=draw.size(100), columns=draw.size(300), input=input_, weight=weight, scale=draw.one(*FLOATS),
             result=draw.one(*FLOATS), bias=draw.flag(2), rank=draw.one(0, 0, 16, 32, 96, 208), data=draw.one("exact", "random"),
             zero="i8" if input_ == "bf16" else "ui8" if weight == "uint8" else draw.one("i8", "ui8"))
    o |= tile(draw, (64, 128), least=2)
    if draw.flag(2):  # parts of the depth on several warps, without shared memory
        warps = [draw.one(1, 2, 4), draw.one(1, 2)]
        o |= dict(rows=draw.one(1, draw.size(20)), tile=f"8,{warps[1] * draw.one(16, 32)},{warps[0] * draw.one(64, 128)}",
                  warps=f"{warps[0]},{warps[1]}", stages=1)
    depth = int(o["tile"].split(",")[2])
    group = draw.one(0, 0, 16, 32, 64, 128)
    o |= dict(group=group, depth=group * (1 + draw.upto(min(7, 1024 // group - 1))) if group else draw.size(800, 8))
    if draw.flag(3):
        tiles = -(-o["columns"] // int(o["tile"].split(",")[1]))
        steps = tiles * -(-o["depth"] // depth)
        o["blocks"] = draw.one(draw.upto(steps), min(tiles * draw.upto(4), steps))
    return o


def rows(draw: Draw, targets: tuple, step: int) -> dict:
    """What is done to rows before they are quantized."""
    o = dict(rows=draw.size(20), columns=draw.one(draw.size(768, step), draw.size(768, step), draw.size(4096, step), draw.size(9000, step)),
             type=draw.one(*FLOATS), target=draw.one(*targets), clip=draw.one("", "", "0.9", "1.25"), multiply=draw.flag(4), add=draw.flag(4))
    before = draw.one("", "", "norm", "residual", "norm and residual", "gate")
    o |= dict(norm=draw.one("rms", "layer", "bias") if "norm" in before else "", gate=int(before == "gate"))
    if "residual" in before:
        o |= dict(residual=1, stream=draw.flag(2))
    if draw.flag(4):
        o |= dict(gather=draw.size(1600, step), sources=draw.one(1, 1, 2, 5, 16))
    inner = o.get("gather", o["columns"])
    if draw.flag(3):
        o["hadamard"] = draw.one(*(1 << i for i in range(1, 15) if inner % (1 << i) == 0))
    plain = not o["norm"] and not o["gate"]
    alone = plain and not (o.get("residual") or o.get("gather") or o.get("hadamard") or o["multiply"] or o["add"])
    values = ["normal", "normal", "ties", "last"] + ["near"] * (plain and o["type"] == "f32") + ["edges"] * (o["rows"] >= 5 and o["norm"] in ("", "rms"))
    values += ["small"] * plain + ["large"] * 2 * alone
    return o | dict(values=draw.one(*values))


def quantize(draw: Draw) -> dict:
    o = rows(draw, TARGETS, 8) | dict(format=draw.one(*FORMATS), offsets=draw.flag(4), sums=draw.flag(3))
    width = o.get("gather", o["columns"])
    if draw.flag(4) and o["values"] != "large":
        o["principal"] = draw.one(32, 32, 64, 96, 160, 512)
        if draw.flag(2):
            width = o["split"] = draw.size(1000, 8)
    if draw.flag(3):
        o["group"] = draw.one(*(1 << i for i in range(3, 9) if width % (1 << i) == 0))
    if Format(o["format"]).halves:
        o["bytes"] = draw.flag(4)
    if o["format"].startswith("u"):
        # Of rows of one sign, zero points are beyond i16.
        o["include_zero"] = draw.flag(2)
        o["zeros"] = draw.one("ui8", "i16", "i32") if o["include_zero"] else "i32" if o["values"] == "edges" else draw.one("i16", "i32")
    return o


def quantize_blocks(draw: Draw) -> dict:
    form = draw.one("nvfp4", "mxfp4")
    o = rows(draw, ("sm_100a", "sm_120a"), BLOCKS[form][0]) | dict(format=form)
    if draw.flag(4):
        o |= dict(rows=4 + draw.size(136), columns=draw.size(768, BLOCKS[form][0]), gather=0, hadamard=0)
    return o | dict(scale=draw.one(0, 1, 1, 0.02, 3.5) if form == "nvfp4" else 0)


def tokens(draw: Draw) -> dict:
    """A cache, and new tokens of a sequence in it."""
    length = draw.size(320)
    o = dict(target=draw.one(*TARGETS), length=length, rows=min(length, draw.one(1, draw.upto(3), draw.size(40))),
             size=draw.one(64, 64, 128), kv=draw.one(1, 1, 2, 3),
             key=draw.one(*FORMATS), value=draw.one(*FORMATS), type=draw.one(*FLOATS), page=draw.one(64, 64, 128, 192),
             order=draw.one("up", "mixed"), rotary=draw.one(0, 1, 1), hadamard=draw.flag(3), center=draw.one(0, 0, 3),
             clip=draw.one("1", "1", "0.9"), static=draw.flag(3), mean=draw.one(0, 0, 0, 20))
    return o | dict(heads=o["kv"] * draw.one(1, 2, 3, 4, 7, 16))


def attention(draw: Draw) -> dict:
    o = tokens(draw) | dict(query=draw.one("", *FORMATS) if draw.flag(2) else draw.one("int8", "uint8", ""), result=draw.one(*FLOATS),
                            warps=draw.one(1, 2, 4), splits=draw.one(1, 1, 2, 3, draw.upto(8)))
    return o if o["query"] else o | dict(center=0, clip="1")


def scaled_product(draw: Draw) -> dict:
    o = dict(rows=draw.size(200), columns=draw.size(300), depth=draw.size(1100, 32), format=draw.one("nvfp4", "mxfp4"),
             scale=draw.one(0, 1, 2), bias=draw.flag(2), result=draw.one("f16", "f32"), data=draw.one("exact", "wide"))
    return o | dict(result="f32") if o["data"] == "wide" else o


def block_scaled(draw: Draw) -> dict:
    return scaled_product(draw) | tile(draw, (128, 256)) | dict(target="sm_120a")


def tensor_memory(draw: Draw) -> dict:
    return scaled_product(draw) | dict(target="sm_100a", producers=1, warps="4,1", tile=f"128,{draw.one(128, 256)},256", stages=draw.one(2, 2, 3, 4))


# The script that runs a family, what it is given in front of options, and whether the compiler chooses schedules of its own.
FAMILIES = {"quantize": ("run-quantize", [], quantize, False), "quantize_blocks": ("run-quantize-blocks", [], quantize_blocks, False),
            "linear": ("run-linear", [], linear, True), "warpgroups": ("run-linear", [], warpgroups, True),
            "weight_only": ("run-weight-only", [], weight_only, True), "append_kv": ("run-attention", ["append"], tokens, False),
            "attention": ("run-attention", ["attention"], attention, False), "block_scaled": ("run-block-scaled", [], block_scaled, True),
            "tensor_memory": ("run-block-scaled", [], tensor_memory, True)}
# Families in their turns; a kernel of attention takes as long as several others.
TURNS = [*FAMILIES, *(family for family in FAMILIES if family != "attention")]
