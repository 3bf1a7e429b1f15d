"""Runs a kernel whose blocks have one row each for more rows than a grid has blocks along y.

usage: run-many-rows.py FOLDER
"""

import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parents[4] / "utils"))
from kernel_emulator import Kernel

ROWS, COLUMNS, SPLITS = 65537, 64, 2

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
kinds = f"tensor<{SPLITS}x?x{COLUMNS}xf32>, tensor<{SPLITS}x?x2xf32>"
sums, statistics = kinds.split(", ")
kernel = Kernel(folder, f"""func.func @run(%sums: {sums}, %statistics: {statistics}) -> tensor<?x{COLUMNS}xf32> {{
  %0 = qk.combine_attention %sums, %statistics : ({kinds}) -> tensor<?x{COLUMNS}xf32>
  return %0 : tensor<?x{COLUMNS}xf32>
}}
""", "sm_80")
values = np.random.default_rng(0).integers(-1000, 1000, (SPLITS, ROWS, COLUMNS)).astype(np.float32)
# Equal maxima, and weights that sum to one in each split: the mean of both, which is exact.
equal = np.stack([np.zeros((SPLITS, ROWS), np.float32), np.ones((SPLITS, ROWS), np.float32)], axis=-1)
result = kernel.expect("y", "f32", values.mean(axis=0))
sys.exit(kernel.run(ROWS, {"sums": values, "statistics": equal}, [result], []))
