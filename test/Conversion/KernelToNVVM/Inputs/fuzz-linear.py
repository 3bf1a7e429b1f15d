"""Writes a module of random qk.linear operations, each with its operands and the exact result that it is checked against.

usage: fuzz-linear.py COUNT SEED [producers] > MODULE.mlir

Shapes, formats, schedules, groups, zero points, biases, residuals and branches are drawn; operands and results come from run-linear.py.
With `producers`, products are those of warpgroups.
"""

import importlib
import pathlib
import sys

import numpy as np

sys.path.append(str(pathlib.Path(__file__).resolve().parent))
linear = importlib.import_module("run-linear")

# Rows and columns of a tile, and the warps that share it.
TILES = ((16, 64, "1,4"), (32, 64, "1,2"), (32, 128, "1,4"), (64, 64, "2,2"), (64, 128, "2,4"))
FORMATS = ("int3", "int4", "uint4", "int6", "int8", "uint8")


def draw(random):
    """Options of run-linear.py that its verifier takes."""
    weight, input = random.choice(FORMATS, 2)
    if linear.Format(weight).bits > 4 >= linear.Format(input).bits:
        weight, input = input, weight
    storage = 4 if linear.Format(input).bits <= 4 else 8
    rows, columns, warps = TILES[random.integers(len(TILES))]
    tile_depth = int(random.choice((64, 128))) * 8 // storage
    options = dict(rows=random.integers(1, 71), columns=random.integers(1, 201), depth=random.integers(1, 20) * 128 // storage,
                   input=input, weight=weight, tile=f"{rows},{columns},{tile_depth}", warps=warps,
                   stages=random.integers(2, 5), zero=random.choice(("ui8", "i16", "i32")), bias=random.integers(2), residual=random.integers(2),
                   rank=random.choice((0, 0, 32)), result=random.choice(("f16", "f32")))
    groups = [length for length in (32, 64, 128) if length % (256 // storage) == 0 and tile_depth % length == 0]
    if groups and random.integers(3) == 0:
        options["group"] = random.choice(groups)
        options["depth"] = options["group"] * random.integers(2, 6)
    if options["zero"] == "i32":
        options["result"] = "f32"
    return {key: str(value) for key, value in (linear.DEFAULTS | options).items()}


def draw_produced(random):
    """The same for warpgroups. Four-bit weights are on the left, where warps share columns, as everything with groups is."""
    weight, input = random.choice(FORMATS, 2)
    narrow, group = linear.Format(weight).bits <= 4, int(random.choice((0, 32, 64, 128)))
    if group and not narrow:
        weight = "int8" if linear.Format(weight).bits == 8 else "int6"
    share, columns_shared = 16 * int(random.choice((4, 8))), narrow or group or random.integers(2)
    whole = int(random.choice((8, 16, 32, 64) if group == 32 else (8, 16, 32, 64, 96, 128)))
    rows, columns, warps = (whole, share, f"1,{share // 16}") if columns_shared else (share, whole, f"{share // 16},1")
    options = dict(target="sm_90a", producers=1, rows=random.integers(1, 2 * rows), columns=random.integers(1, 201), depth=random.integers(1, 30) * 16,
                   input=input, weight=weight, bytes=int(linear.Format(input).bits <= 4), tile=f"{rows},{columns},128", warps=warps,
                   stages=random.integers(2, 5), zero=random.choice(("ui8", "i16")), weight_zero="ui4" if group else "ui8", bias=random.integers(2), residual=random.integers(2),
                   rank=random.choice((0, 0, 32)), result=random.choice(("f16", "f32")))
    if group:
        options |= dict(group=group, depth=group * random.integers(2, 8), input_groups=random.integers(2))
    return {key: str(value) for key, value in (linear.DEFAULTS | options).items()}


def dense(value, kind):
    """A constant of a type whose dynamic size is that of the value."""
    sizes = kind.removeprefix("tensor<").removesuffix(">").split("x")
    element = sizes.pop()
    shape = [str(value.shape[0]) if size == "?" else size for size in sizes]  # of packed codes, the rows
    if element in ("i4", "ui4"):
        value = np.stack([value & 15, value >> 4], -1).reshape(-1)[: np.prod([int(size) for size in shape])]
    return f'dense<"0x{np.ascontiguousarray(value).tobytes().hex()}"> : tensor<{"x".join(shape)}x{element}>'


def function(name, options):
    problem = linear.Problem(options)
    kind = f"tensor<{options['rows']}x{options['columns']}x{options['result']}>"
    lines = [f"// {' '.join(f'{key}={value}' for key, value in options.items())}", f"func.func @{name}() {{"]
    types = []
    for key, value in problem.operands.items():
        constant = dense(value, problem.types[key])
        types.append(constant.rsplit(" : ", 1)[1])
        lines.append(f'  %{key} = onnx.Initializer "{key}" = {constant}')
    operation = problem.module().split("\n")[1].strip().replace("%0", "%y")
    lines.append("  " + operation)
    lines.append(f"      : ({', '.join(types)}) -> {kind}")
    lines.append(f'  %expected = onnx.Initializer "expected" = {dense(problem.result, kind)}')
    lines.append(f"  check.expect_eq %y, %expected : {kind}, {kind}")
    return "\n".join(lines + ["  return", "}"])


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    random = np.random.default_rng(seed)
    linear.random = random
    draw_options = draw_produced if sys.argv[3:] == ["producers"] else draw
    for index in range(count):
        print(function(f"linear{index}", draw_options(random)))


if __name__ == "__main__":
    main()
