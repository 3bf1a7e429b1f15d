"""Compiles products once for several numbers of rows, and runs them on the emulator with numbers around those.

usage: rows.py FOLDER TARGET ROWS [NUMBERS [SCHEDULE]]

NUMBERS of rows are run, 1,5,16,17,40 unless given. A SCHEDULE is forced on all products, where it works.

ROWS are what convert-qllm-to-kernel is given, such as 1,16,512. One product has four-bit codes beside eight-bit ones, two
beside floats; inputs are small integers, so that neither rounds. Prints the launches' tiles, and compares with the interpreter to
the bit.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

folder, target, rows = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
schedule = f"schedule={sys.argv[5]}" if len(sys.argv) > 5 else ""
rng = np.random.default_rng(0)
N, M, K = 144, 80, 128
X = "!qllm.quantized<?x128, #qllm.int<8>, per_token>"
W, V = (f"!qllm.quantized<{n}x{K}, #qllm.int<4>, per_channel<0>>" for n in (N, M))
(folder / "model.mlir").write_text(f"""
func.func @main(%x: tensor<?x{K}xf32> {{onnx.name = "x"}}) -> (tensor<?x{N}xf32> {{onnx.name = "codes"}}, tensor<?x{N}xf32> {{onnx.name = "floats"}},
    tensor<?x{M}xf32> {{onnx.name = "more"}}) {{
  %c = onnx.Initializer "c" = dense<{rng.integers(-8, 8, (N, K)).tolist()}> : tensor<{N}x{K}xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<{N}xf32>
  %w = qllm.pack %c, %s : (tensor<{N}x{K}xi4>, tensor<{N}xf32>) -> {W}
  %d = onnx.Initializer "d" = dense<{rng.integers(-8, 8, (M, K)).tolist()}> : tensor<{M}x{K}xi4>
  %t = onnx.Initializer "t" = dense<0.25> : tensor<{M}xf32>
  %v = qllm.pack %d, %t : (tensor<{M}x{K}xi4>, tensor<{M}xf32>) -> {V}
  %q = qllm.quantize %x : tensor<?x{K}xf32> -> {X}
  %0 = qllm.linear %q, %w : ({X}, {W}) -> tensor<?x{N}xf32>
  %1 = qllm.linear %x, %w : (tensor<?x{K}xf32>, {W}) -> tensor<?x{N}xf32>
  %2 = qllm.linear %x, %v : (tensor<?x{K}xf32>, {V}) -> tensor<?x{M}xf32>
  onnx.Return %0, %1, %2 : tensor<?x{N}xf32>, tensor<?x{N}xf32>, tensor<?x{M}xf32>
}}
""")
subprocess.run(["qllm-opt", "model.mlir", f"--convert-qllm-to-kernel=targets={target} rows={rows} {schedule}", "--fold-kernel-weights",
                "--canonicalize", "--cse", f"--qllm-lower-to-nvvm=targets={target} format=emulator", "-o", "kernels.mlir"],
               check=True, cwd=folder)
for line in (folder / "kernels.mlir").read_text().splitlines():
    if "qk.launch" in line and "linear" in line:
        parts = [f"{count}: {tile}" for count, tile in re.findall(r"max_rows = (\d+).*?tile_rows = (\d+)", line)]
        print("tiles of", *parts, "else", re.search(r"\] geometry .*?tile_rows = (\d+)", line)[1])
for count in map(int, (sys.argv[4] if len(sys.argv) > 4 else "1,5,16,17,40").split(",")):
    np.savez(folder / "x.npz", x=rng.integers(-127, 128, (count, K)).astype(np.float32))
    results = []
    for module, device in (("model", []), ("kernels", [f"--run-device={target}"])):
        subprocess.run(["qllm-translate", "--run", f"{module}.mlir", "--input=x.npz", "--output=y.npz", *device], check=True, cwd=folder)
        results.append(dict(np.load(folder / "y.npz")))
    for name in ("codes", "floats", "more"):
        np.testing.assert_array_equal(results[0][name], results[1][name], f"{name} of {count} rows")
    print("equal:", count, "rows")
