"""Compiles kernels around a cache of keys and values and runs them on the emulator, against numpy.

usage: run-attention.py FOLDER append|attention OPTION=VALUE ..

length: tokens of the sequence, of which the last `rows` are new. heads, kv, size: heads of queries, of the cache, and
their elements. key, value, query: formats, such as int4 or uint8; no query is quantized without. type, result: floats of
rows and of the result. page: tokens of a page. order: of the new tokens, `up` or `mixed`. rotary: 0 for no tables. hadamard: 1 for the
matrix of heads behind them. center: how large the constants are that are taken off keys behind
that, or queries in front. clip,
warps, splits: as in the operations. static: 1 for kernels of that number of rows only. mean: added to keys and values.
target: sm_80 unless given. Other options, such as seed and async, go to qllm-emu. Prints its report, and how much of the
bound the worst element takes.

`append` wants every byte of the cache to be as it should. `attention` wants every element within the bound of
utils/kernel_attention.py, plus one rounding to the type of the result.
"""

import pathlib
import sys

import ml_dtypes
import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parents[4] / "utils"))

from kernel_attention import Cache, attend, multiply_hadamard, quantize, rotate  # noqa: E402
from kernel_codes import Format  # noqa: E402
from kernel_emulator import Kernel, parse_options, random  # noqa: E402

DEFAULTS = dict(rows="1", length="17", heads="9", kv="3", size="64", key="uint4", value="uint4", query="", type="f16",
                result="f32", page="64", order="up", rotary="1", hadamard="0", center="0", clip="1", static="0", warps="4", splits="1", mean="0",
                target="sm_80")
FLOATS = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": np.float32}
SCALE = 0.125


class Problem:
    """The operands that both operations share, and what is computed from them."""

    def __init__(self, o, flags):
        self.options, self.flags = o, flags
        self.rows, self.length = int(o["rows"]), int(o["length"])
        self.m = o["rows"] if int(o["static"]) else "?"
        self.heads, self.kv, self.size = int(o["heads"]), int(o["kv"]), int(o["size"])
        self.key, self.value, self.clip = Format(o["key"]), Format(o["value"]), float(o["clip"])
        width = lambda each: 4 if each.bits <= 4 else 8  # noqa: E731
        self.cache = Cache(self.kv, self.size, width(self.key), width(self.value), int(o["page"]))
        self.positions = np.arange(self.length - self.rows, self.length, dtype=np.int32)
        if o["order"] == "mixed":
            random.shuffle(self.positions)
        count = -(-self.length // int(o["page"]))
        # Pages anywhere in a pool that has more of them.
        self.pages = random.permutation(count + 3)[:count].astype(np.int32)
        angles = np.arange(self.length)[:, None] * 10000.0 ** -(np.arange(self.size // 2) / (self.size // 2))
        self.tables = [f(angles).astype(np.float32) for f in (np.cos, np.sin)] if int(o["rotary"]) else []
        self.memory = random.integers(0, 256, (count + 3, self.kv, self.cache.page_bytes), np.uint8)
        self.operands, self.types = {}, {}

    def rows_of(self, count, heads):
        """Random rows with an outlier or two, a row of zeros, and values as the type has them."""
        rows = random.normal(float(self.options["mean"]), 1, (count, heads, self.size))
        rows[:, :, 5] *= 8
        rows[count // 2, heads // 2] = 0
        return rows.astype(FLOATS[self.options["type"]])

    def rotated(self, rows, positions):
        rows = rows.astype(np.float32)
        rows = rotate(rows, *(table[positions] for table in self.tables)) if self.tables else rows
        return multiply_hadamard(rows) if int(self.options["hadamard"]) else rows

    def add_center(self, heads):
        """A constant for each element of a row, or zeros that no operand has."""
        size = float(self.options["center"])
        center = (random.normal(0, size, (heads, self.size)) if size else np.zeros((heads, self.size))).astype(np.float32)
        if size:
            self.add("center", center.reshape(-1), f"{heads * self.size}xf32")
        return center

    def quantized(self, rows, form, positions=None, center=np.float32(0)):
        rows = rows.astype(np.float32) if positions is None else self.rotated(rows, positions)
        return quantize(rows - center, form.bits, not form.signed, self.clip)

    def add(self, name, value, kind):
        self.operands[name] = value.view(np.uint16) if value.dtype == ml_dtypes.bfloat16 else value
        self.types[name] = f"tensor<{kind}>"

    def add_common(self):
        self.add("positions", self.positions, f"{self.m}xi32")
        self.add("pages", self.pages, "?xi32")
        for name, table in zip(("cos", "sin"), self.tables):
            self.add(name, table, f"?x{self.size // 2}xf32")

    def module(self, op, clauses, results):
        o = self.options
        rotary = ("rotary(%cos, %sin)" if self.tables else "") + (" hadamard" if int(o["hadamard"]) else "")
        rotary += " center(%center)" if "center" in self.operands else ""
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in self.types.items())
        kinds = results if len(results.split("tensor")) == 2 else f"({results})"
        return (f"func.func @run({arguments}) -> {kinds} {{\n  %0{':2' if '(' in kinds else ''} = {op} at(%positions, %pages) {rotary} "
                f"{clauses} : ({', '.join(self.types.values())}) -> {kinds}\n"
                f"  return %0{'#0, %0#1' if '(' in kinds else ''} : {results}\n}}\n")

    def run(self, folder, text, operands, arguments):
        """Compiles and runs one operation; the report of the emulator."""
        if status := Kernel(folder, text, self.options["target"]).run(self.rows, operands, arguments, self.flags):
            sys.exit(status)

    def kind(self, columns, form="type"):
        return f"{self.m}x{columns}x{self.options[form]}"

    def formats(self):
        return f"formats({self.key.attribute}, {self.value.attribute}) page_tokens {self.options['page']}"


def append_operation(p, keys, values):
    """The module with the operation on a copy of the cache, and the constants that are taken off keys."""
    flat = p.kv * p.size
    p.add("k", keys.reshape(p.rows, flat), p.kind(flat))
    p.add("v", values.reshape(p.rows, flat), p.kind(flat))
    p.add("cache", p.memory.copy(), f"?x{p.kv}x{p.cache.page_bytes}xi8")
    p.add_common()
    center = p.add_center(p.kv)
    clip = f"clip {p.clip}" if p.clip != 1 else ""
    return p.module("qk.append_kv %k, %v into(%cache)", f"{p.formats()} {clip}", p.types["cache"]), center


def append(problem, folder):
    p = problem
    keys, values = p.rows_of(p.rows, p.kv), p.rows_of(p.rows, p.kv)
    text, center = append_operation(p, keys, values)
    p.cache.append(p.memory, p.quantized(keys, p.key, p.positions, center), p.quantized(values, p.value), p.positions, p.pages)
    np.save(folder / "after.npy", p.memory)
    p.run(folder, text, p.operands, [{"name": "cache", "expect": "after.npy"}])


def attention_operation(p, queries):
    """The module with the operation, and the constants that are taken off queries."""
    o, flat, splits = p.options, p.heads * p.size, int(p.options["splits"])
    p.add("q", queries.reshape(p.rows, flat), p.kind(flat))
    p.add("cache", p.memory, f"?x{p.kv}x{p.cache.page_bytes}xi8")
    p.add_common()
    center = p.add_center(p.heads)
    query = f"query_format({Format(o['query']).attribute})" if o["query"] else ""
    clip = f"clip {p.clip}" if p.clip != 1 and query else ""
    results = f"tensor<{p.kind(flat, 'result')}>" if splits == 1 else (
        f"tensor<{splits}x{p.m}x{flat}xf32>, tensor<{splits}x{p.m}x{2 * p.heads}xf32>")
    return p.module("qk.attention %q over(%cache)", f"heads {o['heads']} {query} {p.formats()} scale {SCALE} {clip} warps {o['warps']} "
                    f"splits {splits}", results), center


def attention(problem, folder):
    p, o = problem, problem.options
    everything = np.arange(p.length)
    keys = p.quantized(p.rows_of(p.length, p.kv), p.key, everything)
    values = p.quantized(p.rows_of(p.length, p.kv), p.value)
    # What is not written stays random bytes, scales that are no numbers among them.
    p.cache.append(p.memory, keys, values, everything, p.pages)
    queries, flat, splits = p.rows_of(p.rows, p.heads), p.heads * p.size, int(o["splits"])
    text, center = attention_operation(p, queries)
    form = Format(o["query"]) if o["query"] else None
    shapes = {"y": [p.rows, flat]} if splits == 1 else {"sums": [splits, p.rows, flat], "statistics": [splits, p.rows, 2 * p.heads]}
    kind = o["result"] if splits == 1 else "f32"
    outputs = [{"name": name, "type": kind, "shape": shape, "fill": 255, "output": f"{name}.npy"} for name, shape in shapes.items()]
    p.run(folder, text, p.operands, outputs)
    if splits > 1:
        combine(p, folder, {name: np.load(folder / f"{name}.npy") for name in shapes}, flat, splits)
    result = np.load(folder / "y.npy")
    if o["result"] == "bf16":
        result = result.view(ml_dtypes.bfloat16)
    exact = form is not None and form.signed and "center" not in p.operands
    if "center" in p.operands:
        q = p.quantized(queries.astype(np.float32) - center, form, p.positions)
        # Codes stand for a number of f32, and so does the sum.
        turned = p.rotated(np.broadcast_to(center, (p.rows, *center.shape)), p.positions)
        q = (q.scales[..., None] * q.centred().astype(np.float32) + turned).astype(np.float64)
    else:
        q = p.quantized(queries, form, p.positions) if form else p.rotated(queries, p.positions).astype(np.float64)
    check(result.astype(np.float64).reshape(p.rows, p.heads, p.size),
          attend(q, keys, values, p.positions, SCALE, exact), FLOATS[o["result"]])


def combine_module(p, flat, splits):
    kinds = f"(tensor<{splits}x{p.m}x{flat}xf32>, tensor<{splits}x{p.m}x{2 * p.heads}xf32>) -> tensor<{p.kind(flat, 'result')}>"
    return (f"func.func @run(%sums: tensor<{splits}x{p.m}x{flat}xf32>, %statistics: tensor<{splits}x{p.m}x{2 * p.heads}xf32>) -> "
            f"tensor<{p.kind(flat, 'result')}> {{\n  %0 = qk.combine_attention %sums, %statistics : {kinds}\n"
            f"  return %0 : tensor<{p.kind(flat, 'result')}>\n}}\n")


def combine(p, folder, parts, flat, splits):
    text = combine_module(p, flat, splits)
    p.run(folder, text, parts, [{"name": "y", "type": p.options["result"], "shape": [p.rows, flat], "fill": 255, "output": "y.npy"}])


def check(found, wanted, kind):
    info = ml_dtypes.finfo(kind)
    bound = wanted.bound + np.abs(wanted.result) * float(info.eps) / 2 * 1.01 + float(info.smallest_subnormal)
    share = np.abs(found - wanted.result) / bound
    worst = np.unravel_index(np.argmax(np.where(np.isnan(share), np.inf, share)), share.shape)
    print(f"worst element takes {share[worst]:.3f} of its bound of {bound[worst]:.3g}; the greatest is {np.abs(wanted.result).max():.3g}")
    if not (share <= 1).all():
        print(f"error: at {worst} expected {wanted.result[worst]}, but got {found[worst]}")
        sys.exit(3)


def main():
    where, what, *words = sys.argv[1:]
    folder, options, flags = parse_options([where, *words], DEFAULTS)
    {"append": append, "attention": attention}[what](Problem(options, flags), folder)


if __name__ == "__main__":
    main()
