"""Runs a launch with kernels for up to one and up to four rows, on the emulator.

usage: rows.py FOLDER

A block of each kernel stores one row. Prints, for several numbers of rows, what was stored.
"""

import pathlib
import shutil
import subprocess
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()


def kernel(name, number):
    return f"""  llvm.func @{name}(%x: !llvm.ptr<1>, %y: !llvm.ptr<1>, %m: i32) attributes {{gpu.kernel, nvvm.kernel, nvvm.maxntid = array<i32: 32>}} {{
    %row = nvvm.read.ptx.sreg.ctaid.x : i32
    %at = llvm.getelementptr %y[%row] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %number = llvm.mlir.constant({number}.0 : f32) : f32
    %lane = nvvm.read.ptx.sreg.tid.x : i32
    %zero = llvm.mlir.constant(0 : i32) : i32
    %first = llvm.icmp "eq" %lane, %zero : i32
    llvm.cond_br %first, ^store, ^end
  ^store:
    llvm.store %number, %at : f32, !llvm.ptr<1>
    llvm.br ^end
  ^end:
    llvm.return
  }}
"""


# No kernel reads what the map is of.
geometry = ("{sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0, "
            "maps = [#qk.tensor_map<operand = 0, rows = 1, row_bytes = 64, swizzle = 64>]>}")
parts = ", ".join(f'#qk.specialization<max_rows = {rows}, kernel = "{name}", geometry = {geometry}>' for rows, name in ((1, "one"), (4, "few")))
(folder / "module.mlir").write_text(f"""func.func @main(%x: tensor<?x16xf32> {{onnx.name = "x"}}) -> (tensor<?xf32> {{onnx.name = "y"}}) {{
  %y = qk.launch "any"(%x) sizes [0, 0] up_to [{parts}] geometry {geometry} : (tensor<?x16xf32>) -> tensor<?xf32>
  onnx.Return %y : tensor<?xf32>
}}
gpu.module @sm_80 [#nvvm.target<chip = "sm_80">] {{
{kernel("one", 1)}{kernel("few", 2)}{kernel("any", 3)}}}
""")
stored = {}
for rows in (0, 1, 2, 4, 5):
    np.savez(folder / "x.npz", x=np.zeros((rows, 16), np.float32))
    subprocess.run(["qllm-translate", "--run", "module.mlir", "--run-device=sm_80", "--input=x.npz", "--output=y.npz"], check=True, cwd=folder)
    stored[rows] = np.load(folder / "y.npz")["y"].tolist()
print(stored)
