"""Compiles one qk.quantize, runs it on the emulator and compares it with the interpreter and numpy.

usage: run-quantize.py FOLDER OPTION=VALUE ..

The row and what is done to it: see RowSource of utils/kernel_row_source.py. format: int8, uint4, .. bytes: 1 for codes of 4 bits one to a
byte. group: elements with a common scale. clip, include_zero, zeros (type of the zero points), offsets: see qllm.quantize. sums: 1 for
those of codes. principal: directions that are taken off; split: channels behind them. target: sm_80 unless given. Other options,
such as seed and async, go to qllm-emu.

What is computed before a row is quantized is exact without a norm and a gate: then codes, scales and zero points must be
those of the interpreter to the bit. Otherwise scales must be within the bound that the operation states, every code next
to its value within that bound, and no more than one away from the interpreter's. Codes of a principal part must be next to
the products in f64; what follows starts from the codes that were found.
"""

import pathlib
import subprocess
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_codes import Format  # noqa: E402
from kernel_emulator import Kernel, parse_options, random  # noqa: E402
from kernel_principal import PrincipalPart  # noqa: E402
from kernel_row_source import DEFAULTS, RowSource  # noqa: E402

DEFAULTS = DEFAULTS | dict(format="int8", bytes="0", group="0", include_zero="0", zeros="i32", offsets="0", principal="0", split="0", sums="0")


class Problem(RowSource):
    """With the format, and a principal part."""

    def __init__(self, o):
        super().__init__(o)
        self.width = int(o["split"]) or self.inner
        self.format = Format(o["format"], o["bytes"] != "0")
        self.isExact = self.isExact and o["principal"] == "0"
        self.slack = 0
        if self.has("offsets"):
            self.add("o", random.uniform(-0.49, 0.49, self.width).astype(np.float32), f"{self.width}xf32", "")
        if self.has("principal"):
            self.draw_part()

    def draw_part(self):
        """Directions, and where channels behind come from."""
        rank, names = int(self.options["principal"]), ("p", "pt", "sp")
        self.part = PrincipalPart.draw(random, rank, self.inner)
        self.operands |= zip(names, self.part.operands())
        self.types |= zip(names, PrincipalPart.types(rank, self.inner))
        self.clauses += "principal(%p, %pt, %sp) "
        if self.has("split"):
            self.add("si", random.integers(0, self.inner + 1, self.width).astype(np.int32), f"{self.width}xi32", "")
            self.add("sf", (1 / random.integers(1, 4, self.width)).astype(np.float32), f"{self.width}xf32", "")
            self.clauses += "split(%si, %sf) "

    def take_off(self, codes, scales):
        """The row behind the principal part that was found, and how far from it an element may be."""
        products, error = self.part.project(self.row)
        wanted = self.part.scales_of(products)
        check(np.abs(scales - wanted) <= error.max(1) / 127 + wanted * 2.0**-22, "scales of the principal part", scales, wanted)
        away = np.abs(products / scales[:, None] - codes)
        check(away <= 0.5 + error / scales[:, None] + 2.0**-16, "codes next to the products", away.max())
        self.row, self.slack = self.part.take_off(self.row, codes * scales.astype(np.float64)[:, None])
        if self.has("split"):
            pick = lambda values: np.pad(values, ((0, 0), (0, 1)))[:, self.operands["si"]] * self.operands["sf"]
            self.row, self.slack = pick(self.row), pick(self.slack)

    def parameters(self):
        """The clauses of the range, of both dialects."""
        return (" include_zero" if self.has("include_zero") else "") + self.printed_clip()

    def results(self):
        """Name, shape and element type of each result."""
        o, rows = self.options, self.rows
        groups = self.width // int(o["group"]) if self.has("group") else 0
        found = [("codes", [rows, self.width], self.format.storage), ("scales", [rows] + [groups] * bool(groups), "f32")]
        if not self.format.signed:
            found.append(("zero_points", found[1][1], o["zeros"]))
        if self.has("sums"):
            found.append(("sums", [rows], "i32"))
        if self.has("stream"):
            found.append(("stream", [rows, self.columns], o["type"]))
        if self.has("principal"):
            found += [("part_codes", [rows, int(o["principal"])], "i8"), ("part_scales", [rows], "f32")]
        return found

    def module(self):
        o = self.options
        types = {name: "tensor<" + "x".join(["?", *map(str, shape[1:]), kind]) + ">" for name, shape, kind in self.results()}
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in self.types.items())
        group = f" group {o['group']}" if self.has("group") else ""
        offsets = " rounding_offsets(%o)" if self.has("offsets") else ""
        before = {"codes": "", "scales": ", ", "part_codes": "principal ", "part_scales": ", "}
        printed = " ".join(before.get(name, f"{name} ") + kind for name, kind in types.items())
        return (f"func.func @quantize({arguments}) {{\n  %0:{len(types)} = qk.quantize %x {self.clauses}"
                f"format({self.format.attribute}){group}{self.parameters()}{offsets}\n"
                f"      : ({', '.join(self.types.values())}) -> {printed}\n  return\n}}\n")

    def interpret(self, folder):
        """Codes, scales and zero points that qllm.quantize gives."""
        rows, width = self.row.shape
        granularity = f"group<1, {self.options['group']}>" if self.has("group") else "per_token"
        kind = f"!qllm.quantized<{rows}x{width}, {self.format.attribute}, {granularity}>"
        parts = [f"tensor<{'x'.join(map(str, shape))}x{element}>" for _, shape, element in self.results()[:2]]
        parts[0] = f"tensor<{rows}x{width}x{Format(self.options['format']).storage}>"
        if not self.format.signed:
            parts.append(parts[1].replace("f32", "i32"))
        names = ", ".join(f"%{i}" for i in range(len(parts)))
        offsets = f" rounding_offsets(%o : tensor<{width}xf32>)" if self.has("offsets") else ""
        (folder / "reference.mlir").write_text(
            f"func.func @main(%x: tensor<{rows}x{width}xf32>, %o: tensor<{width}xf32>) -> ({', '.join(parts)}) {{\n"
            f"  %q = qllm.quantize %x{offsets}{self.parameters()} : tensor<{rows}x{width}xf32> -> {kind}\n"
            f"  {names} = qllm.unpack %q : {kind}\n  return {names} : {', '.join(parts)}\n}}\n")
        np.save(folder / "row.npy", self.row.astype(np.float32))
        np.save(folder / "offsets.npy", self.operands.get("o", np.zeros(width, np.float32)))
        subprocess.run(["qllm-translate", "--run", folder / "reference.mlir", f"--input=arg0={folder}/row.npy",
                        f"--input=arg1={folder}/offsets.npy", f"--output={folder}/reference.npz"], check=True)
        results = np.load(folder / "reference.npz")
        return [results[f"result{i}"] for i in range(len(parts))]


def run(problem, folder, flags):
    """Results by name, after the emulator's report."""
    kinds, results = {"i4": "i8", "ui4": "ui8", "bf16": "i16"}, []
    for name, shape, kind in problem.results():
        shape = [shape[0], shape[1] // 2] if kind in ("i4", "ui4") else shape
        results.append({"name": name, "type": kinds.get(kind, kind), "shape": shape, "fill": 238, "output": f"{name}.npy"})
    kernel = Kernel(folder, problem.module(), problem.options["target"])
    if status := kernel.run(problem.rows, problem.operands, results, flags):
        sys.exit(status)
    return {name: np.load(folder / f"{name}.npy") for name, _, _ in problem.results()}


def check(condition, what, *details):
    if not np.all(condition):
        sys.exit(f"expected {what}, but got {details}")


def compare(problem, found, wanted):
    codes, scales = problem.format.unpack(found["codes"]).reshape(problem.rows, -1), found["scales"]
    reference = [part.astype(int) if i != 1 else part for i, part in enumerate(wanted)]
    zeros = found["zero_points"].astype(int) if "zero_points" in found else np.zeros_like(scales, int)
    if problem.isExact:
        check(scales == wanted[1], "the interpreter's scales", scales, wanted[1])
        if len(wanted) > 2:
            check(zeros == reference[2], "the interpreter's zero points", zeros, wanted[2])
        check(codes == reference[0], "the interpreter's codes", np.argwhere(codes != reference[0])[:4])
    else:
        compare_near(problem, codes, scales, zeros, reference)
    if "sums" in found:
        check(found["sums"] == codes.sum(1), "the sums of codes", found["sums"], codes.sum(1))
    if "stream" in found:
        check(found["stream"].view(np.uint8) == problem.stream.view(np.uint8), "the stream", found["stream"])


def compare_near(problem, codes, scales, zeros, reference):
    """Values come from sums in another order and from approximations."""
    bound = 40 * 2.0**-24 * (4 if problem.has("gate") else 1)
    spread = problem.width // scales[0].size if scales.ndim > 1 else problem.width
    per_code = lambda values: np.repeat(values.reshape(problem.rows, -1), spread, 1).astype(np.float64)
    largest = lambda values: np.abs(np.broadcast_to(values, problem.row.shape)).reshape(problem.rows, -1, spread).max(2).ravel()
    check(np.abs(scales.ravel() - reference[1].ravel()) <= (largest(problem.row) * bound + 2 * largest(problem.slack)) / 2**(problem.format.bits - 1),
          "scales within the bound", scales, reference[1])
    steps = problem.row / per_code(scales)
    low, high = (-(1 << problem.format.bits - 1), 0)[not problem.format.signed], None
    high = low + (1 << problem.format.bits) - 1
    away = np.abs(np.clip(steps + problem.operands.get("o", 0) + per_code(zeros), low, high) - codes)
    check(away <= 0.5 + np.abs(steps) * bound + 2 * problem.slack / per_code(scales) + 1e-6, "codes next to their values", away.max())
    if len(reference) > 2 and not np.array_equal(zeros, reference[2].astype(int)):
        return
    check(np.abs(codes - reference[0]) <= 1, "codes at most one from the interpreter's", codes, reference[0])
    print(f"{np.mean(codes != reference[0]):.6f} of the codes differ")


def main():
    folder, options, flags = parse_options(sys.argv[1:], DEFAULTS)
    problem = Problem(options)
    found = run(problem, folder, flags)
    if problem.has("principal"):
        problem.take_off(found["part_codes"].astype(int), found["part_scales"])
    compare(problem, found, problem.interpret(folder))
    print("equal" if problem.isExact else "within the bound")


if __name__ == "__main__":
    main()
