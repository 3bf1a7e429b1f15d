"""Compiles one qk.quantize_blocks, and the qk.tensor_scale in front of it, runs them on the emulator and compares with the interpreter.

usage: run-quantize-blocks.py FOLDER OPTION=VALUE ..

The row and what is done to it: see RowSource of utils/kernel_row_source.py. format: nvfp4 or mxfp4. scale: 1 for a scale of the tensor, a
number for one that is given. Other options, such as seed and async, go to qllm-emu.

What is computed before a row is quantized is exact without a norm and a gate: then the scale of the tensor, scales and codes must be those of
the interpreter to the bit. Otherwise scales must be those of ranges within the bound that the operation states, and every code a nearest one; so also below a scale of the tensor that is given.
"""

import subprocess
import sys
import pathlib

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_block_scaled import BLOCKS, E2M1, scale_values, scales_in_tiles  # noqa: E402
from kernel_codes import Format  # noqa: E402
from kernel_emulator import Kernel, parse_options  # noqa: E402
from kernel_row_source import DEFAULTS, RowSource  # noqa: E402

DEFAULTS = DEFAULTS | dict(format="nvfp4", scale="0", target="sm_120a")


def check(condition, what, *details):
    if not np.all(condition):
        sys.exit(f"expected {what}, but got {details}")


class Problem(RowSource):
    """With the format, as both dialects write it."""

    def __init__(self, o):
        super().__init__(o)
        self.length, self.scale_type = BLOCKS[o["format"]]
        self.blocks = self.inner // self.length
        self.tiles = [-(-self.rows // 128), -(-self.blocks // 4), 512]
        self.stream_type = f" stream tensor<?x{self.columns}x{o['type']}>" if self.has("stream") else ""

    def function(self, operation, clauses, operands, results):
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in operands.items())
        return (f"func.func @kernel({arguments}) {{\n  %0:{results.count('tensor')} = {operation} {clauses}\n"
                f"      : ({', '.join(operands.values())}) -> {results}\n  return\n}}\n")

    def streams(self):
        shape = [self.rows, self.columns]
        return [{"name": "stream", "type": {"bf16": "i16"}.get(self.options["type"], self.options["type"]), "shape": shape, "fill": 238,
                 "output": "stream.npy"}] * self.has("stream")

    def run(self, kernel, operands, results, flags):
        """Arrays by name, after the emulator's report."""
        given = [{"fill": 238, "output": f"{each['name']}.npy"} | each for each in results] + self.streams()
        if status := kernel.run(self.rows, operands, given, flags):
            sys.exit(status)
        return {each["name"]: np.load(kernel.folder / each["output"]) for each in given}

    def scale_module(self):
        types = self.types | {"arrivals": "tensor<1xi32>"}
        clauses = f"%x {self.clauses}arrivals(%arrivals){self.printed_clip()}"
        return self.function("qk.tensor_scale", clauses, types, f"tensor<1xf32>, tensor<?xf32>, tensor<1xi32>{self.stream_type}")

    def find_scale(self, folder, flags):
        """By a kernel, which leaves its count as it was."""
        (folder / "scale").mkdir(exist_ok=True)
        kernel = Kernel(folder / "scale", self.scale_module(), self.options["target"])
        results = [kernel.expect("arrivals", "i32", np.zeros(1, np.int32)) | {"fill": 0, "output": "arrivals_after.npy"},
                   {"name": "scale", "type": "f32", "shape": [1]}, {"name": "row_maxima", "type": "f32", "shape": [self.rows]}]
        return self.run(kernel, self.operands, results, flags)

    def module(self):
        """With a scale of the tensor where the options have one."""
        types, clauses = self.types, f"%x {self.clauses}"
        if self.has("scale"):
            types, clauses = types | {"t": "tensor<1xf32>"}, clauses + "tensor_scale(%t)"
        results = f"tensor<?x{self.inner}xf4E2M1FN>, tensor<?x{self.tiles[1]}x512x{self.scale_type}>{self.stream_type}"
        return self.function("qk.quantize_blocks", clauses + self.printed_clip(), types, results)

    def quantize(self, folder, scale, flags):
        operands = self.operands | ({} if scale is None else {"t": scale})
        kernel = Kernel(folder, self.module(), self.options["target"])
        return self.run(kernel, operands, [{"name": "codes", "type": "ui8", "shape": [self.rows, self.inner // 2]},
                                           {"name": "scales", "type": "ui8", "shape": self.tiles}], flags)

    def codes_of(self, found):
        return Format("uint4").unpack(found["codes"]).reshape(self.rows, -1)

    def interpret(self, folder):
        """The parts that qllm.quantize gives."""
        rows, width, has_scale = self.rows, self.inner, self.options["scale"] == "1"
        scale = "e4m3" if self.options["format"] == "nvfp4" else "ue8m0"
        kind = (f"!qllm.quantized<{rows}x{width}, #qllm.float<e2m1>, group<1, {self.length}>, scale = {scale}"
                + ", tensor_scale" * has_scale + ">")
        parts = [f"tensor<{rows}x{width}xf4E2M1FN>", f"tensor<{rows}x{self.blocks}x{self.scale_type}>"] + ["tensor<f32>"] * has_scale
        names = ", ".join(f"%{i}" for i in range(len(parts)))
        (folder / "reference.mlir").write_text(
            f"func.func @main(%x: tensor<{rows}x{width}xf32>) -> ({', '.join(parts)}) {{\n"
            f"  %q = qllm.quantize %x{self.printed_clip()} : tensor<{rows}x{width}xf32> -> {kind}\n"
            f"  {names} = qllm.unpack %q : {kind}\n  return {names} : {', '.join(parts)}\n}}\n")
        np.save(folder / "row.npy", self.row.astype(np.float32))
        subprocess.run(["qllm-translate", "--run", folder / "reference.mlir", f"--input=arg0={folder}/row.npy",
                        f"--output={folder}/reference.npz"], check=True)
        results = np.load(folder / "reference.npz")
        return [results[f"result{i}"] for i in range(len(parts))]


def compare(problem, found, scale, wanted):
    """To the bit."""
    if len(wanted) > 2:
        check(scale == wanted[2], "the interpreter's scale of the tensor", scale, wanted[2])
    scales = scales_in_tiles(wanted[1].view(np.uint8).reshape(problem.rows, -1))
    check(found["scales"] == scales, "the interpreter's scales", np.argwhere(found["scales"] != scales)[:4])
    codes = problem.codes_of(found)
    check(codes == wanted[0].view(np.uint8).reshape(problem.rows, -1), "the interpreter's codes", np.argwhere(codes != wanted[0].view(np.uint8))[:4])


def compare_near(problem, found, scale):
    """Rows come from sums in another order and from approximations."""
    bound = 40 * 2.0**-24 * (4 if problem.has("gate") else 1)
    t = 1.0 if scale is None else float(scale[0])
    largest = np.abs(problem.row).max() * float(problem.options["clip"] or 1)
    if problem.options["scale"] == "1":
        check(abs(t - largest / 2688) <= bound * t, "a scale of the tensor within the bound", t, largest / 2688)
    tiles = found["scales"].reshape(-1, problem.tiles[1], 32, 4, 4).transpose(0, 3, 2, 1, 4).reshape(-1, 4 * problem.tiles[1])
    check(tiles[problem.rows:] == 0, "zeros behind the last row")
    check(tiles[:, problem.blocks:] == 0, "zeros behind the last block")
    steps = scale_values(problem.options["format"], tiles[:problem.rows, :problem.blocks]) * t
    ranges = np.abs(problem.row).reshape(problem.rows, problem.blocks, -1).max(2) * float(problem.options["clip"] or 1)
    if problem.options["format"] == "nvfp4":
        # Scales are at most 448; they are 2^-9 apart, and at least that, where they are smallest.
        away = np.abs(np.minimum(ranges / 6, 448 * t) - steps) / (np.maximum(steps / 16, t * 2.0**-9) + bound * ranges / 6)
    else:
        # Scales are at least 2^-127; ranges below 2^-124 have no larger one.
        away = np.abs(np.log2(np.maximum(ranges, 2.0**-124.5) / steps) - 2.5) / (0.5 + 2 * bound)
    check(away <= 1, "scales of the ranges", away.max())
    codes = problem.codes_of(found)
    quotients = problem.row / np.repeat(steps, problem.length, 1)
    distances = np.abs(quotients[..., None] - E2M1)
    chosen = np.take_along_axis(distances, codes[..., None], -1)[..., 0]
    check(chosen <= distances.min(-1) + 2 * bound * np.abs(quotients) + 1e-6, "nearest codes", (chosen - distances.min(-1)).max())


def main():
    folder, options, flags = parse_options(sys.argv[1:], DEFAULTS)
    problem = Problem(options)
    scale = None
    if options["scale"] == "1":
        found = problem.find_scale(folder, flags)
        scale = found["scale"]
    elif options["scale"] != "0":
        scale = np.array([float(options["scale"])], np.float32)
    quantized = problem.quantize(folder, scale, flags)
    if "stream" in quantized:
        check(quantized["stream"].view(np.uint8) == problem.stream.view(np.uint8), "the stream", quantized["stream"])
    exact = problem.isExact and options["scale"] in ("0", "1")
    if exact:
        compare(problem, quantized, scale, problem.interpret(folder))
    else:
        compare_near(problem, quantized, scale)
    print("equal" if exact else "within the bound")


if __name__ == "__main__":
    main()
