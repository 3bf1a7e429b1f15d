"""Writes a.npy, b.npy and c.npy = a times b transposed into a folder.

usage: matrices.py FOLDER M N K
"""

import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
m, n, k = map(int, sys.argv[2:])
random = np.random.default_rng(0)
a, b = (random.integers(-128, 128, (rows, k), dtype=np.int8) for rows in (m, n))
np.save(folder / "a.npy", a)
np.save(folder / "b.npy", b)
np.save(folder / "c.npy", a.astype(np.int32) @ b.astype(np.int32).T)
