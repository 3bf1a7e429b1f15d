"""A weight of unsigned bytes with zero points up to 255 beside floats, on the interpreter and as a kernel.

usage: wide-zero-points.py FOLDER TARGET ROWS

Inputs are small integers and scales powers of two, so both must agree to the bit. Prints the largest zero point.
"""

import pathlib
import subprocess
import sys

import numpy as np

folder, target, rows = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
random = np.random.default_rng(5)
n, k, groups = 24, 128, 2
codes, zeros = random.integers(0, 256, (n, k)), random.integers(0, 256, (n, groups))
scales = 2.0 ** random.integers(-3, 1, (n, groups))
packed = f"!qllm.quantized<{n}x{k}, #qllm.int<8, asymmetric>, group<1, {k // groups}>>"
(folder / "model.mlir").write_text(f"""
func.func @main(%x: tensor<?x{k}xf32> {{onnx.name = "x"}}) -> (tensor<?x{n}xf32> {{onnx.name = "y"}}) {{
  %c = onnx.Initializer "c" = dense<{codes.tolist()}> : tensor<{n}x{k}xui8>
  %s = onnx.Initializer "s" = dense<{scales.tolist()}> : tensor<{n}x{groups}xf32>
  %z = onnx.Initializer "z" = dense<{zeros.tolist()}> : tensor<{n}x{groups}xui8>
  %w = qllm.pack %c, %s, %z : (tensor<{n}x{k}xui8>, tensor<{n}x{groups}xf32>, tensor<{n}x{groups}xui8>) -> {packed}
  %y = qllm.linear %x, %w : (tensor<?x{k}xf32>, {packed}) -> tensor<?x{n}xf32>
  return %y : tensor<?x{n}xf32>
}}
""")
subprocess.run(["qllm-opt", "model.mlir", f"--convert-qllm-to-kernel=targets={target} rows={rows}", "--fold-kernel-weights",
                "--canonicalize", f"--qllm-lower-to-nvvm=targets={target} format=emulator", "-o", "kernels.mlir"], check=True, cwd=folder)
assert "qk.launch" in (folder / "kernels.mlir").read_text()
np.savez(folder / "in.npz", x=random.integers(-4, 5, (rows, k)).astype(np.float32))


def run(module, *options):
    subprocess.run(["qllm-translate", "--run", module, "--input=in.npz", "--output=out.npz", *options], check=True, cwd=folder)
    return np.load(folder / "out.npz")["y"]


assert np.array_equal(run("model.mlir"), run("kernels.mlir", f"--run-device={target}"))
print(f"equal, zero points up to {zeros.max()}")
