"""Compiles one qk.block_scaled_linear and runs it on the emulator, against the published model of tensor cores in numpy.

usage: run-block-scaled.py FOLDER OPTION=VALUE ..

rows, columns, depth: sizes of the product. format: nvfp4 or mxfp4. target; tile, warps, stages, producers: the schedule.
scale: how many scales of tensors there are; bias: 1 for one. result: f16 or f32. data: exact for scales that leave no rounding in any sum, wide for
scales far apart. Other options, such as seed and async, go to qllm-emu. Prints its report.
"""

import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_block_scaled import BLOCKS, E2M1, scale_values, scales_in_tiles  # noqa: E402
from kernel_codes import Format  # noqa: E402
from kernel_emulator import Kernel, parse_options, random  # noqa: E402
from kernel_rounding import fused_multiply_add  # noqa: E402

DEFAULTS = dict(rows="7", columns="64", depth="128", format="nvfp4", target="sm_120a", tile="32,64,128", warps="1,2",
                stages="3", producers="0", scale="0", bias="0", result="f16", data="exact")
STEP, GROUP = 64, 16  # of an instruction; products that it sums exactly


class Scales:
    """Scales of one side: codes of [rows, blocks], their values, and the exponents that products are aligned by."""

    def __init__(self, kind, data, rows, blocks):
        if kind == "nvfp4":
            low, high = {"exact": (7, 8), "wide": (1, 14)}[data]
            self.codes = random.integers(low << 3, high << 3, (rows, blocks))
            self.codes[random.random((rows, blocks)) < 0.1] = 0
            if data == "exact":
                self.codes &= ~7
            self.exponents = np.maximum(self.codes >> 3, 1) - 7
            self.codes |= random.integers(0, 2, (rows, blocks)) << 7  # a sign that does not count
        else:
            low, high = {"exact": (126, 129), "wide": (100, 150)}[data]
            self.codes = random.integers(low, high, (rows, blocks))
            self.exponents = self.codes - 127
        self.values = scale_values(kind, self.codes)


def cut(values, bits):
    return np.ldexp(np.trunc(np.ldexp(values, bits)), -bits)


def exponent_of(values):
    """That of an f32; a zero's is below all that can be seen."""
    return np.where(values == 0, -139, np.maximum(np.frexp(values)[1] - 1, -126))


def tensor_core(x, w, sx, sw, length):
    """The sum as tensor cores make it: exact groups, aligned to the largest exponent, 35 bits, cut to f32."""
    total = np.zeros((len(x), len(w)))
    for first in range(0, x.shape[1], STEP):
        terms, exponents = [total], [exponent_of(total)]
        for begin in range(first, min(first + STEP, x.shape[1]), GROUP):
            part, block = slice(begin, begin + GROUP), begin // length
            scale = sx.values[:, None, block] * sw.values[None, :, block]
            any_product = (np.abs(x[:, part]) @ np.abs(w[:, part]).T) * scale != 0
            terms.append((x[:, part] @ w[:, part].T) * scale)
            exponents.append(np.where(any_product, sx.exponents[:, None, block] + sw.exponents[None, :, block], -139))
        largest = np.max(exponents, axis=0)
        total = sum(cut(term, 35 - largest) for term in terms)
        total = np.where(total == 0, 0, cut(total, 23 - exponent_of(total)))
    return total


class Problem:
    """Operands by name, in the order of the kernel's arguments, with their MLIR types; and the result."""

    def __init__(self, o):
        self.options, self.operands, self.types = o, {}, {}
        m, n, k = (int(o[key]) for key in ("rows", "columns", "depth"))
        length, kind = BLOCKS[o["format"]]
        x, w = random.integers(0, 16, (m, k), np.uint8), random.integers(0, 16, (n, k), np.uint8)
        sx, sw = (Scales(o["format"], o["data"], rows, -(-k // length)) for rows in (m, n))
        self.add("x", Format("uint4").pack(x), f"?x{k}xf4E2M1FN")
        self.add("w", Format("uint4").pack(w), f"{n}x{k}xf4E2M1FN")
        for name, scales in (("sx", sx), ("sw", sw)):
            tiles = scales_in_tiles(scales.codes)
            self.add(name, tiles, f"{'?' if name == 'sx' else len(tiles)}x{tiles.shape[1]}x512x{kind}")
        total = tensor_core(E2M1[x], E2M1[w], sx, sw, length)
        self.check(total, E2M1[x] * np.repeat(sx.values, length, 1)[:, :k], E2M1[w] * np.repeat(sw.values, length, 1)[:, :k])
        self.result = self.finish(total, n)

    def check(self, total, x, w):
        """The model against plain products: equal where nothing is rounded, else within a cut in each step."""
        plain, most = x @ w.T, np.abs(x) @ np.abs(w).T
        bound = 0 if self.options["data"] == "exact" else most * 2.0**-22 * (x.shape[1] // STEP + 1)
        assert (np.abs(total - plain) <= bound).all(), "the model is not what it should be"

    def add(self, name, value, kind):
        self.operands[name], self.types[name] = value, f"tensor<{kind}>"

    def finish(self, total, n):
        scale, bias = np.float32(1), np.float32(0)
        for name, value in (("t", 0.3), ("u", 7.1))[:int(self.options["scale"])]:
            self.add(name, np.array([value], np.float32), "1xf32")
            scale = scale * self.operands[name][0]
        if int(self.options["bias"]):
            bias = random.normal(size=n).astype(np.float32)
            self.add("b", bias, f"{n}xf32")
        return fused_multiply_add(total, scale, bias).astype({"f16": np.float16, "f32": np.float32}[self.options["result"]])

    def module(self):
        o, kind = self.options, f"tensor<?x{self.options['columns']}x{self.options['result']}>"
        arguments = ", ".join(f"%{name}: {type}" for name, type in self.types.items())
        clauses = {"0": "", "1": "tensor_scale(%t) ", "2": "tensor_scale(%t, %u) "}[o["scale"]] + ("bias(%b) " if "b" in self.types else "")
        return (f"func.func @linear({arguments}) -> {kind} {{\n  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw) {clauses}"
                f"schedule(#qk.schedule<tile = [{o['tile']}], warps = [{o['warps']}], stages = {o['stages']}, "
                f"producers = {o['producers']}>)\n"
                f"      : ({', '.join(self.types.values())}) -> {kind}\n  return %0 : {kind}\n}}\n")


def main():
    folder, options, flags = parse_options(sys.argv[1:], DEFAULTS)
    problem = Problem(options)
    kernel = Kernel(folder, problem.module(), options["target"])
    sys.exit(kernel.run(int(options["rows"]), problem.operands, [kernel.expect("y", options["result"], problem.result)], flags))


if __name__ == "__main__":
    main()
