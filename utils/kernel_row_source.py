# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Rows of activations and what kernels do to them before they are quantized, in numpy: what qk.quantize says of its operands."""
import numpy as np
from kernel_emulator import random

EPSILON = 1.0e-5
# Options, of which each kernel of rows has more: see its script.
DEFAULTS = dict(rows="7", columns="576", type="f16", values="normal", norm="", residual="0", stream="0", gate="0", gather="0", sources="1",
                index="random", multiply="0", add="0", hadamard="0", clip="", target="sm_80")


def to_bits(values, kind):
    """f32 rounded to the element type, and as it lies in memory."""
    values = values.astype(np.float32)
    if kind == "bf16":
        bits = values.view(np.uint32)
        bits = ((bits.astype(np.uint64) + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
        return (bits.astype(np.uint32) << 16).view(np.float32), bits
    stored = values.astype({"f16": np.float16, "f32": np.float32}[kind])
    return stored.astype(np.float32), stored


def draw(o, rows, columns):
    values = random.normal(size=(rows, columns)) * np.exp2(random.integers(-6, 7, (rows, 1)))
    if o["values"] == "ties":  # halves of a step of 1, between codes
        values = random.integers(-254, 254, (rows, columns)) / 2
        values[:, 0] = 127
    if o["values"] == "near":  # products of a scale and the middle between two codes, rounded, and their neighbours
        largest = random.uniform(1, 2, (rows, 1)).astype(np.float32) * np.exp2(random.integers(-20, 90, (rows, 1))).astype(np.float32)
        middles = (random.integers(-127, 127, (rows, columns)) + 0.5).astype(np.float32) * (largest / np.float32(127))
        values = np.nextafter(middles, random.choice([-np.inf, np.inf], (rows, columns)).astype(np.float32))
        values[:, ::2] = middles[:, ::2]
        values[:, 0] = largest[:, 0]
    if o["values"] == "small":  # denormal numbers of f16, of which a smallest scale leaves a few codes
        values = random.integers(-1023, 1024, (rows, columns)) * 2.0**-24 * random.choice([1, 2.0**-3], (rows, 1))
    if o["values"] == "large":  # next to the largest of f16, and of f32 and bf16 such that a range is finite
        values = random.uniform(-1, 1, (rows, columns)) * (65000 if o["type"] == "f16" else 2.0**126)
    if o["values"] == "last":  # the last row has the largest
        values[-1] = values[-1] / np.abs(values[-1]).max() * np.abs(values).max() * 2
    if o["values"] == "edges":  # zeros, one number alone, all equal, far from zero, denormals
        values[0], values[1], values[2], values[3], values[4] = 0, 0, -3.25, 900 + values[3], values[4] * 1e-9
        values[1, columns // 2] = -2
    return values


class RowSource:
    """Operands by name in the order of the kernel's arguments, and the row that is quantized, in f64.

    rows, columns: sizes of the input, of element type `type`. values: what rows hold (normal, ties, near, edges, small, large, last). norm: rms, layer or bias.
    residual, stream, gate, multiply, add: 1 for one. gather: how many elements of the row are gathered, or sums of so many `sources`,
    in a random order unless index is same. hadamard: elements of a block that is rotated.
    """

    def __init__(self, o):
        self.options = o
        self.rows, self.columns = int(o["rows"]), int(o["columns"])
        self.inner = int(o["gather"]) or self.columns
        self.isExact = not o["norm"] and o["gate"] == "0"
        self.operands, self.types, self.clauses = {}, {}, ""
        y = self.matrix("x", draw(o, self.rows, self.columns))
        if self.has("residual"):
            y, self.stream = to_bits(y + self.matrix("r", draw(o, self.rows, self.columns)), o["type"])
            self.clauses += "residual(%r) "
        y = self.normalize(y) if o["norm"] else y
        if self.has("gate"):
            gate = self.matrix("g", draw(o, self.rows, self.columns)).astype(np.float64)
            y = y * gate / (1 + np.exp(-gate))
            self.clauses += "gate(%g) "
        if self.has("gather"):
            index = random.integers(0, self.columns + 1, (int(o["sources"]), self.inner)).astype(np.int32)
            if o["index"] == "same":
                index[:] = np.arange(self.inner)
            self.add("index", index, f"{f'{len(index)}x' if len(index) > 1 else ''}{self.inner}xi32", "gather")
            y = np.pad(y, ((0, 0), (0, 1)))
            y = sum((y[:, each] for each in index[1:]), y[:, index[0]])
        if self.has("multiply"):
            y = y * self.table("f", "multiply")
        if self.has("add"):
            y = y + self.table("d", "add")
        if self.has("hadamard"):
            y = self.rotate(y, int(o["hadamard"]))
        self.row = y

    def has(self, name):
        return self.options[name] != "0"

    def add(self, name, value, kind, clause):
        self.operands[name], self.types[name] = value, f"tensor<{kind}>"
        if clause:
            self.clauses += f"{clause}(%{name}) "

    def matrix(self, name, values):
        rounded, stored = to_bits(values, self.options["type"])
        self.add(name, stored, f"?x{self.columns}x{self.options['type']}", "")
        return rounded

    def table(self, name, clause):
        values = random.uniform(-1.5, 1.5, self.inner).astype(np.float32)
        self.add(name, values, f"{self.inner}xf32", clause)
        return values

    def rotate(self, y, size):
        """Sums and differences at growing distances, as qllm.rotate_channels has them."""
        self.clauses += f"hadamard {size} "
        distance = 1
        while distance < size:
            pairs = y.reshape(self.rows, -1, 2, distance)
            y = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], 2).reshape(self.rows, -1)
            distance *= 2
        return y * (np.float32(1) / np.sqrt(np.float32(size)))

    def normalize(self, y):
        y = y.astype(np.float64)
        weight, stored = to_bits(random.uniform(0.5, 1.5, self.columns), self.options["type"])
        self.add("w", stored, f"{self.columns}x{self.options['type']}", "")
        if self.options["norm"] != "rms":
            y = y - y.mean(1, keepdims=True)
        y = y / np.sqrt((y * y).mean(1, keepdims=True) + EPSILON) * weight
        kind = "rms(%w" if self.options["norm"] == "rms" else "layer(%w"
        if self.options["norm"] == "bias":
            bias = random.normal(size=self.columns).astype(np.float32)
            self.add("b", bias, f"{self.columns}xf32", "")
            y, kind = y + bias, kind + ", %b"
        self.clauses += f"norm {kind}) epsilon {EPSILON:.1e} "
        return y

    def printed_clip(self):
        return f" clip {self.options['clip']}" if self.options["clip"] else ""
