"""Runs a product of inputs and weights with scales of groups as kernels on the emulator, against the interpreter.

usage: group-products.py FOLDER TARGET BITS GROUP [per-token] [asymmetric] [zero-points] [ragged] [branch] [OPTION=..]

BITS are those of the inputs; weights have four, in groups of GROUP, as inputs have unless `per-token` is given; GROUP 0 is a row.
`asymmetric` inputs have zero points, and weights with `zero-points`. A row is 512 codes, or 320 with `ragged`, which no tiles
divide. With `branch` a low-rank branch of floats stands beside the product. Options go to convert-qllm-to-kernel, and are rows=16
unless given. Integers are exact; scales of groups are multiplied and added in f32. Prints the kernels, and the largest
difference relative to the largest result: with a branch its roundings to eight bits are in it.
"""

import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

folder, target, bits, group = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
asymmetric, zeros, branch, per_token = (word in sys.argv for word in ("asymmetric", "zero-points", "branch", "per-token"))
options = next((word for word in sys.argv if "=" in word), "rows=16")
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir()
rng = np.random.default_rng(bits)
M, N, K, R = 19, 72, 320 if "ragged" in sys.argv else 512, 32
S = f"{N}x{K // group}" if group else str(N)
X = f"!qllm.quantized<{M}x{K}, #qllm.int<{bits}{', asymmetric' if asymmetric else ''}>, {'per_token' if per_token else f'group<1, {group}>'}>"
W = f"!qllm.quantized<{N}x{K}, #qllm.int<4{', asymmetric' if zeros else ''}>, {f'group<1, {group}>' if group else 'per_channel<0>'}>"
C, lowest = (f"{N}x{K}xui4", 0) if zeros else (f"{N}x{K}xi4", -8)
zero = f"""
  %z = onnx.Initializer "z" = dense<{rng.integers(0, 16, [int(size) for size in S.split("x")]).tolist()}> : tensor<{S}xui8>""" if zeros else ""
scales = rng.uniform(0.5, 2, [int(size) for size in S.split("x")]).astype(np.float32).tolist()
sum_, factors = "main", ""
if branch:
    floats = lambda *shape: (rng.standard_normal(shape) * 0.02).astype(np.float32).tolist()
    sum_ = "sum"
    factors = f"""
  %down = onnx.Initializer "down" = dense<{floats(R, K)}> : tensor<{R}x{K}xf32>
  %up = onnx.Initializer "up" = dense<{floats(N, R)}> : tensor<{N}x{R}xf32>
  %branch = qllm.low_rank %q, %down, %up : ({X}, tensor<{R}x{K}xf32>, tensor<{N}x{R}xf32>) -> tensor<{M}x{N}xf32>
  %sum = onnx.Add(%main, %branch) : (tensor<{M}x{N}xf32>, tensor<{M}x{N}xf32>) -> tensor<{M}x{N}xf32>"""
(folder / "model.mlir").write_text(f"""
func.func @main(%x: tensor<{M}x{K}xf32> {{onnx.name = "x"}}) -> (tensor<{M}x{N}xf32> {{onnx.name = "y"}}) {{
  %c = onnx.Initializer "c" = dense<{rng.integers(lowest, lowest + 16, (N, K)).tolist()}> : tensor<{C}>
  %s = onnx.Initializer "s" = dense<{scales}> : tensor<{S}xf32>{zero}
  %w = qllm.pack %c, %s{", %z" if zeros else ""} : (tensor<{C}>, tensor<{S}xf32>{f", tensor<{S}xui8>" if zeros else ""}) -> {W}
  %q = qllm.quantize %x : tensor<{M}x{K}xf32> -> {X}
  %main = qllm.linear %q, %w : ({X}, {W}) -> tensor<{M}x{N}xf32>{factors}
  onnx.Return %{sum_} : tensor<{M}x{N}xf32>
}}
""")
np.savez(folder / "x.npz", x=(rng.standard_normal((M, K)) + 0.5 * asymmetric).astype(np.float32))
# Quantized by a kernel, and once by the interpreter.
for fuse in ("true",) if asymmetric or branch else ("true", "false"):
    subprocess.run(["qllm-opt", "model.mlir", f"--convert-qllm-to-kernel=targets={target} {options} fuse={fuse}", "--fold-kernel-weights",
                    "--canonicalize", f"--qllm-lower-to-nvvm=targets={target} format=emulator", "-o", "kernels.mlir"], check=True, cwd=folder)
    kernels = (folder / "kernels.mlir").read_text()
    assert "qllm.linear" not in kernels
    print(*re.findall(r'qk.launch "(\w+)"', kernels))
    results = []
    for module, device in (("model", []), ("kernels", [f"--run-device={target}"])):
        subprocess.run(["qllm-translate", "--run", f"{module}.mlir", "--input=x.npz", "--output=y.npz", *device], check=True, cwd=folder)
        results.append(np.load(folder / "y.npz")["y"])
    difference = np.abs(results[0] - results[1]).max() / np.abs(results[0]).max()
    print(f"difference {difference:g}")
    assert difference <= (3e-3 if branch else 2e-6)
