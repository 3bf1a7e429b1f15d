"""Writes a matrix, a launch that copies 2048 bytes of it by a tensor map, and what must arrive.

usage: tensor-map.py FOLDER KERNEL OPTION=VALUE ..

x, y: the first column and row of the box. width: bytes of a row of it, which is also the swizzle unless that is given.
box: rows of it, if they should not be the right number. step: every how many-th row.
"""

import json
import pathlib
import sys

import numpy as np

ROWS, COLUMNS, BYTES = 40, 208, 2048
folder, kernel = pathlib.Path(sys.argv[1]), sys.argv[2]
o = dict(x=0, y=0, width=128, step=1) | {key: int(value) for key, value in (word.split("=") for word in sys.argv[3:])}
rows, swizzle = BYTES // o["width"], o.get("swizzle", o["width"])

matrix = np.random.default_rng(0).integers(1, 256, (ROWS, COLUMNS), np.uint8)
around = np.zeros((ROWS + 2 * 512, COLUMNS + 2 * 512), np.uint8)
around[512:-512, 512:-512] = matrix
box = around[512 + o["y"]:, 512 + o["x"]:][:rows * o["step"]:o["step"], :o["width"]]
np.save(folder / "matrix.npy", matrix)
np.save(folder / "box.npy", box)

map = {"buffer": "matrix", "box": [o["width"], o.get("box", rows * o["step"])], "steps": [1, o["step"]], "swizzle": swizzle}
(folder / "launch.json").write_text(json.dumps({
    "kernel": kernel, "block": [128], "arguments": [
        {"name": "matrix", "input": "matrix.npy"},
        {"name": "map", "tensor_map": map},
        {"name": "out", "type": "ui8", "shape": list(box.shape), "expect": "box.npy"},
        {"name": "x", "value": o["x"]}, {"name": "y", "value": o["y"]},
        {"name": "mask", "value": max(swizzle - 16, 0)}]}))
