"""Compiles one qk.weight_only_linear and runs it on the emulator against numpy.

usage: run-weight-only.py FOLDER OPTION=VALUE ..

rows, columns, depth: sizes of the product. input: f16 or bf16. weight: a format, such as int4 or uint3. tile, warps,
stages: the schedule; blocks: those that share a row of tiles by stream-K, 0 for none. group: elements with a common scale. scale: type of the scales. result: f16, bf16 or f32.
bias: 1 for one. rank: of a low-rank branch, 0 for none. zero: type of the zero points of asymmetric weights, i8 unless given, or ui8. data: `exact` for small integers, whose sums are the same in every order and must agree to the last bit;
`random` for normal numbers, whose
results must lie within a bound when an instruction rounds its sum once, as --exact-sums has it. target: sm_80 unless given. Other options, such as
seed and async, go to qllm-emu. Prints its report, and for random data the largest error as a part of the bound.
"""

import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_codes import Format  # noqa: E402
from kernel_emulator import Kernel, parse_options, random  # noqa: E402

# The order of weights by bits: its text, its tile, and the tile's digits as (size along n or k, axis) in memory order.
LAYOUTS = {4: ("#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>", 64,
               (2, 8), (2, 2, 2, 4, 2), (1, 5, 0, 2, 6, 3, 4)),
           8: ("#qk.layout<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1>", 32,
               (2, 8), (2, 2, 4, 2), (1, 4, 0, 2, 3, 5))}
DEFAULTS = dict(rows="16", columns="64", depth="128", input="f16", weight="int4", tile="16,64,64", warps="1,2", stages="3",
                blocks="0", group="0", scale="f32", result="f32", bias="0", rank="0", zero="i8", data="exact", target="sm_80")


def to_type(values, kind):
    """Values rounded to f16, bf16 or f32, as f32."""
    values = np.asarray(values, np.float32)
    if kind == "f16":
        return values.astype(np.float16).astype(np.float32)
    if kind == "bf16":
        bits = values.view(np.uint32)
        return ((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000).astype(np.uint32).view(np.float32)
    return values


def stored(values, kind):
    """The bytes of values that are exact in the type; bf16 as its bits."""
    if kind == "bf16":
        return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return values.astype(np.float16 if kind == "f16" else np.float32)


def loaded(file, kind, shape):
    raw = np.load(file)
    if kind == "bf16":
        raw = (raw.view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    return raw.astype(np.float32).reshape(shape)


def shuffle(codes, bits):
    """Bytes of shape [tiles of n, tiles of k, bytes of a tile]."""
    _, depth, row_digits, column_digits, order = LAYOUTS[bits]
    rows, columns = -(-codes.shape[0] // 16), -(-codes.shape[1] // depth)
    whole = np.zeros((rows * 16, columns * depth), np.uint8)
    whole[:codes.shape[0], :codes.shape[1]] = codes.astype(np.uint8) & ((1 << bits) - 1)
    split = whole.reshape(rows, *row_digits, columns, *column_digits)
    axes = [1 + axis if axis < 2 else 2 + axis for axis in order]
    flat = split.transpose(0, 3, *axes).reshape(rows, columns, -1)
    return flat if bits == 8 else flat[..., ::2] | flat[..., 1::2] << 4


class Problem:
    """Operands by name, in the order of the kernel's arguments, with their MLIR types; and the result with its bound."""

    def __init__(self, o):
        self.options = o
        self.sizes = m, n, k = [int(o[key]) for key in ("rows", "columns", "depth")]
        self.weight = Format(o["weight"])
        self.bits = 4 if self.weight.bits <= 4 else 8
        tile, warps = [int(each) for each in o["tile"].split(",")], [int(each) for each in o["warps"].split(",")]
        self.blocks, self.tiles = int(o["blocks"]), -(-n // tile[1])
        self.words = self.blocks * (2 if self.blocks % self.tiles else 1) * tile[1]
        group = int(o["group"]) or k
        w = self.weight.random(random, n, k).astype(int)
        exact = o["data"] == "exact"
        x = random.integers(-4, 5, (m, k)) if exact else random.normal(size=(m, k))
        x = to_type(x, o["input"])
        # Powers of two leave small integers exact.
        scales = 2.0 ** random.integers(-3, 1, (k // group, n)) if exact else random.uniform(0.01, 0.1, (k // group, n))
        scales = to_type(scales, o["scale"])
        low = -128 if o["zero"] == "i8" else 0
        zero = random.integers(low, low + 256, scales.shape) if not self.weight.signed else np.zeros(scales.shape, int)
        if exact:
            zero %= 1 << self.weight.bits
        self.operands, self.types, self.clauses = {}, {}, "scales(%s)"
        shuffled = shuffle(w, self.bits)
        shape = f"{k // group}x{n}x" if group != k else f"{n}x"
        self.add("x", stored(x, o["input"]), f"?x{k}x{o['input']}")
        self.add("w", shuffled, "x".join(map(str, shuffled.shape)) + "xi8")
        self.add("s", stored(scales, o["scale"]), shape + o["scale"])
        if not self.weight.signed:
            self.add("z", zero.astype(np.int8 if o["zero"] == "i8" else np.uint8), shape + o["zero"])
            self.clauses += " zero_points(%z)"
        bias = np.zeros(n, np.float32)
        if int(o["bias"]):
            bias = (random.integers(-8, 9, n) if exact else random.normal(size=n)).astype(np.float32)
            self.add("b", bias, f"{n}xf32")
            self.clauses += " bias(%b)"
        branch, branch_magnitude = self.add_branch(int(o["rank"]), exact)
        if self.blocks:
            self.clauses += " arrivals(%a)"
            self.types["a"] = "tensor<?xi32>"
        real = (w - np.repeat(zero, group, 0).T) * np.repeat(scales.astype(float), group, 0).T
        self.result = x.astype(float) @ real.T + branch + bias
        # A sum of magnitudes A is rounded by 2^-24 A at most whenever something is added to it: an instruction for each 16
        # of k or of the rank, a multiply-add for each run, a part of a warp or a block, a branch, a bias; and once by a scale.
        parts = (self.blocks // self.tiles + 2) * (warps[0] if tile[0] == 8 else 1)
        run = min(group, tile[2] // (warps[0] if tile[0] == 8 else 1)) if group != k else k
        roundings = -(-k // 16) + -(-k // run) + int(o["rank"]) // 16 + parts + 3
        magnitude = np.abs(x).astype(float) @ np.abs(real).T + branch_magnitude + np.abs(bias)
        self.bound = roundings * 2.0 ** -24 * magnitude * (1 + 2.0 ** -12)
        last_place = {"f32": 2.0 ** -24, "f16": 2.0 ** -11, "bf16": 2.0 ** -8}[o["result"]]
        self.bound += (np.abs(self.result) + self.bound) * last_place + 2.0 ** -25

    def add_branch(self, rank, exact):
        """What a branch adds, and the magnitudes in it. Codes take all their bits, and are shared by no two columns."""
        if not rank:
            return 0, 0
        m, n, _ = self.sizes
        kind = self.options["input"]
        z = to_type(random.integers(-4, 5, (m, rank)) if exact else random.normal(size=(m, rank)), kind)
        codes = random.integers(-128, 128, (n, rank))
        scales = (2.0 ** random.integers(-3, 1, n) if exact else random.uniform(0.01, 0.1, n)).astype(np.float32)
        self.add("l", stored(z, kind), f"?x{rank}x{kind}")
        self.add("u", codes.astype(np.int8), f"{n}x{rank}xi8")
        self.add("v", scales, f"{n}xf32")
        self.clauses += " low_rank(%l, %u, %v)"
        return [left.astype(float) @ right.T * scales for left, right in ((z, codes), (np.abs(z), np.abs(codes)))]

    def add(self, name, value, kind):
        self.operands[name], self.types[name] = value, f"tensor<{kind}>"

    def module(self):
        o, (_, n, _) = self.options, self.sizes
        results = [f"tensor<?x{n}x{o['result']}>"]
        if self.blocks:
            results += [f"tensor<?x{self.words}xf32>", "tensor<?xi32>"]
        kinds = f"({', '.join(self.types.values())}) -> ({', '.join(results)})"
        scheduler = f", scheduler = stream_k, blocks = {self.blocks}" if self.blocks else ""
        attribute = f"#qllm.int<{self.weight.bits}{'' if self.weight.signed else ', asymmetric'}>"
        return (f"func.func @linear({', '.join(f'%{name}: {kind}' for name, kind in self.types.items())}) -> {results[0]} {{\n"
                f"  %0{':3' if self.blocks else ''} = qk.weight_only_linear %x, %w {self.clauses} format({attribute})\n"
                f"      schedule(#qk.schedule<tile = [{o['tile']}], warps = [{o['warps']}], stages = {o['stages']}{scheduler}>)\n"
                f"      layout({LAYOUTS[self.bits][0]}) : {kinds}\n"
                f"  return %0{'#0' if self.blocks else ''} : {results[0]}\n}}\n")


def check(problem, folder):
    """Prints how the result of random data compares with its bound, and gives the exit status."""
    o, (m, n, _) = problem.options, problem.sizes
    found = loaded(folder / "found.npy", o["result"], (m, n))
    share = np.max(np.abs(found - problem.result) / problem.bound)
    print(f"error {share:.3f} of the bound, {'within' if share <= 1 else 'BEYOND'} it")
    return int(not share <= 1)


def main():
    folder, options, flags = parse_options(sys.argv[1:], DEFAULTS)
    problem = Problem(options)
    m, n, _ = problem.sizes
    kernel = Kernel(folder, problem.module(), options["target"])
    others = []
    if problem.blocks:
        # Zero before the kernel and after it.
        others.append(kernel.expect("a", "i32", np.zeros(problem.tiles * kernel.geometry.grid(m)[0], np.int32)) | {"fill": 0})
    kind = {"bf16": "i16"}.get(options["result"], options["result"])
    if options["data"] == "exact":
        expected = stored(to_type(problem.result, options["result"]), options["result"])
        result = kernel.expect("y", kind, expected.view(np.int16) if options["result"] == "bf16" else expected)
    else:
        result = {"name": "y", "type": kind, "shape": [m, n], "fill": 238}
        flags.append("--exact-sums")
    others.append(result | {"output": "found.npy"})
    if problem.blocks:
        others.append({"name": "parts", "type": "f32", "shape": [m, problem.words]})
    code = kernel.run(m, problem.operands, others, flags)
    sys.exit(code or (check(problem, folder) if options["data"] == "random" else 0))


if __name__ == "__main__":
    main()
