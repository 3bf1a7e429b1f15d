"""Compiles one qk.linear and runs it on the emulator, with random codes, against exact integers in numpy.

usage: run-linear.py FOLDER OPTION=VALUE ..

rows, columns, depth: sizes of the product. input, weight: formats, such as int8 or uint4. tile, warps, stages: the
schedule. producers: warpgroups that only load; cluster: blocks that share a tile. group: elements with a common weight scale. input_groups: 1 for scales of
the same groups of the input. zero: type of the zero points of the input; weight_zero: of those of groups of the weight, ui8
or ui4. bytes: 1 for input codes of 4 bits one to a byte. result: f16 or f32. bias: 1 for one. rank: of a low-rank
branch. residual: 1 for one. gate: 1 for one, with which the result is compared within the bound of the operation. data: `ends`
for rows of least and greatest codes. target: sm_80 unless given. Other options, such as seed and async, go to qllm-emu. Prints its report.
"""

import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_codes import LAYOUT, Format, pack_halves, shuffle  # noqa: E402
from kernel_emulator import Kernel, parse_options, random  # noqa: E402
from kernel_rounding import fused_multiply_add  # noqa: E402

INTEGERS = {"i8": np.int8, "ui8": np.uint8, "i16": np.int16, "ui16": np.uint16, "i32": np.int32}
DEFAULTS = dict(rows="7", columns="64", depth="128", input="int8", weight="int8", tile="32,64,64", warps="1,2",
                stages="3", group="0", input_groups="0", zero="ui8", weight_zero="ui8", result="f16", bias="0", rank="0", gate="0", residual="0", target="sm_80", producers="0", cluster="1", bytes="0", data="random")


class Problem:
    """Operands by name, in the order of the kernel's arguments, with their MLIR types; and the result."""

    def __init__(self, o):
        self.options = o
        m, n, k = (int(o[key]) for key in ("rows", "columns", "depth"))
        self.input, self.weight = Format(o["input"], o["bytes"] != "0"), Format(o["weight"])
        self.shuffled = self.weight.halves and not self.input.halves
        draw = Format.ends if o["data"] == "ends" else Format.random
        x, w = draw(self.input, random, m, k), draw(self.weight, random, n, k)
        groups = k // int(o["group"]) if int(o["group"]) else 1
        self.input_groups = o["input_groups"] != "0"
        self.scales = random.uniform(0.01, 0.1, (m, groups) if self.input_groups else m).astype(np.float32)
        self.weight_scales = random.uniform(0.001, 0.01, (groups, n)).astype(np.float32)
        self.operands, self.types, self.clauses = {}, {}, "scales(%sx, %sw)"
        self.add("x", self.input.pack(x), f"?x{k}x{self.input.storage}")
        packed = shuffle(w) if self.shuffled else self.weight.pack(w)
        self.add("w", packed, "x".join(map(str, packed.shape)) + "xi8" if self.shuffled else f"{n}x{k}x{self.weight.storage}")
        self.add("sx", self.scales, f"?x{groups}xf32" if self.input_groups else "?xf32")
        grouped = int(o["group"]) != 0
        sums = self.sum_groups if grouped else self.sum_whole
        self.add("sw", self.weight_scales if grouped else self.weight_scales[0], (f"{groups}x" if grouped else "") + f"{n}xf32")
        self.result = self.finish(*sums(x.astype(int), w.astype(int)), n)

    def add(self, name, value, kind):
        self.operands[name], self.types[name] = value, f"tensor<{kind}>"

    def zero_points(self, count):
        kind = INTEGERS[self.options["zero"]]
        reach = (1 << 31) - 1 if self.options["zero"] == "i32" else 300
        return random.integers(max(np.iinfo(kind).min, -reach), min(np.iinfo(kind).max, reach), count).astype(kind)

    def sum_whole(self, x, w):
        zx, zw = np.zeros(len(x), int), np.zeros(len(w), int)
        if not self.input.signed:
            zx = self.zero_points(len(x))
            self.add("zx", zx, f"?x{self.options['zero']}")
            self.add("sums", w.sum(1).astype(np.int32), f"{len(w)}xi32")
            self.clauses += " zero_points(%zx, %sums)"
        if not self.weight.signed:
            zw = random.integers(0, 1 << self.weight.bits, len(w)).astype(np.uint8)
            self.add("zw", zw, f"{len(w)}xui8")
            self.add("xsums", x.sum(1).astype(np.int32), "?xi32")
            self.clauses += " weight_zero_points(%zw, %xsums)"
        total = (x - zx.astype(int)[:, None]) @ (w - zw.astype(int)[:, None]).T
        return total.astype(np.float32), self.scales[:, None] * self.weight_scales[0]

    def sum_groups(self, x, w):
        """Groups are added as kernels do: what fused multiply-adds of integers round once is exact in f64, and rounded then."""
        (m, k), n, groups = x.shape, len(w), len(self.weight_scales)
        x, w = x.reshape(m, groups, -1), w.reshape(n, groups, -1)
        zx, zw, total = np.zeros((m, groups), int), np.zeros((groups, n), np.uint8), np.float32(0)
        if not self.input.signed:
            zx[:] = self.zero_points((m, groups) if self.input_groups else (m, 1))
        if not self.weight.signed:
            zw = random.integers(0, 1 << self.weight.bits, zw.shape).astype(np.uint8)
        code_sums = w.sum(2).T
        rounded = zx.astype(np.float32).astype(np.float64)
        for group, scales in enumerate(self.weight_scales):
            product = (x[:, group] @ w[:, group].T).astype(np.float64)
            if self.input_groups:
                product = (product - rounded[:, group, None] * code_sums[group]).astype(np.float32)
            centred = (x[:, group].sum(1) - rounded[:, group] * x.shape[2]).astype(np.float32).astype(np.float64)
            product = (product - centred[:, None] * zw[group]).astype(np.float32)
            scale = scales * self.scales[:, group, None] if self.input_groups else scales
            total = fused_multiply_add(product, scale, total)
        sums = (self.weight_scales * code_sums.astype(np.float32)).cumsum(0)[-1]
        if not self.input.signed:
            self.add("zx", (zx if self.input_groups else zx[:, 0]).astype(INTEGERS[self.options["zero"]]),
                     (f"?x{groups}" if self.input_groups else "?") + f"x{self.options['zero']}")
            self.add("sums", code_sums.astype(np.int32) if self.input_groups else sums, f"{groups}x{n}xi32" if self.input_groups else f"{n}xf32")
            self.clauses += " zero_points(%zx, %sums)"
        if not self.weight.signed:
            halves = self.options["weight_zero"] == "ui4"
            self.add("zw", pack_halves(zw) if halves else zw, f"{groups}x{n}x{self.options['weight_zero']}")
            self.clauses += " weight_zero_points(%zw)"
        if self.input_groups:
            return total, np.float32(1)
        if not self.input.signed:
            total = total - rounded[:, :1].astype(np.float32) * sums
        return total, self.scales[:, None]

    def finish(self, total, scales, n):
        result = total * scales
        if int(self.options["bias"]):
            bias = random.normal(size=n).astype(np.float32)
            self.add("b", bias, f"{n}xf32")
            self.clauses += " bias(%b)"
        if rank := int(self.options["rank"]):
            result = result + self.branch(rank, n)
        if "b" in self.operands:
            result = result + bias
        kind = {"f16": np.float16, "f32": np.float32}[self.options["result"]]
        for name in ("gate", "residual"):
            if int(self.options[name]):
                self.add(name, random.normal(0, 3, result.shape).astype(kind), f"?x{n}x{self.options['result']}")
                self.clauses += f" {name}(%{name})"
        if "gate" in self.operands:
            gate = self.operands["gate"].astype(np.float64)
            result = result * (gate / (1 + np.exp(-gate)))
            self.bound = np.abs(result) * (4 + np.abs(gate)) * 2.0**-22
        if "residual" in self.operands:
            result = result + self.operands["residual"].astype(np.float32)
        if "gate" in self.operands:
            # A sum behind the gate, and the result, are rounded once more.
            self.bound += np.abs(result) * (2.0**-23 + np.finfo(kind).eps / 2) + np.finfo(kind).smallest_subnormal
            return result
        return result.astype(kind)

    def branch(self, rank, n):
        """Adds the operands of a low-rank branch; returns its product."""
        m, codes = int(self.options["rows"]), Format("int8")
        z, b = codes.random(random, m, rank), codes.random(random, n, rank)
        sz, sb = random.uniform(0.01, 0.1, m).astype(np.float32), random.uniform(0.001, 0.01, n).astype(np.float32)
        for name, value, kind in (("z", z, f"?x{rank}xi8"), ("sz", sz, "?xf32"), ("up", b, f"{n}x{rank}xi8"), ("su", sb, f"{n}xf32")):
            self.add(name, codes.pack(value).view(np.int8) if value.ndim == 2 else value, kind)
        self.clauses += " low_rank(%z, %sz, %up, %su)"
        return (z.astype(int) @ b.astype(int).T).astype(np.float32) * (sz[:, None] * sb)

    def module(self):
        o, kind = self.options, f"tensor<?x{self.options['columns']}x{self.options['result']}>"
        arguments = ", ".join(f"%{name}: {type}" for name, type in self.types.items())
        return (f"func.func @linear({arguments}) -> {kind} {{\n  %0 = qk.linear %x, %w {self.clauses} "
                f"formats({self.input.attribute}, {self.weight.attribute}) schedule(#qk.schedule<tile = [{o['tile']}], "
                f"warps = [{o['warps']}], stages = {o['stages']}, producers = {o['producers']}, cluster = {o['cluster']}>) {f'layout({LAYOUT})' if self.shuffled else ''}\n"
                f"      : ({', '.join(self.types.values())}) -> {kind}\n  return %0 : {kind}\n}}\n")


def main():
    folder, options, flags = parse_options(sys.argv[1:], DEFAULTS)
    problem = Problem(options)
    kernel = Kernel(folder, problem.module(), options["target"])
    if "gate" in problem.operands:
        result = {"name": "y", "type": options["result"], "shape": list(problem.result.shape), "fill": 238, "output": "found.npy"}
    else:
        result = kernel.expect("y", options["result"], problem.result)
    status = kernel.run(int(options["rows"]), problem.operands, [result], flags)
    if "gate" in problem.operands and status == 0:
        away = np.abs(np.load(folder / "found.npy").astype(np.float64) - problem.result) / problem.bound
        print(f"{away.max():.2f} of the bound")
        status = int(not away.max() <= 1)
    sys.exit(status)


if __name__ == "__main__":
    main()
