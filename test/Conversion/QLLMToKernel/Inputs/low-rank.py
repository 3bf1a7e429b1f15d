"""Runs a product with a low-rank branch as kernels on the emulator, and compares it to the bit with the interpreter's run of
the same written out: thin product, quantization to eight bits (or rounding to f16), wide product, sum.

usage: low-rank.py FOLDER BITS

BITS are those of the inputs, 4, 8 or 16. Beside four bits the thin factor has codes 16 h + l of two digits. Inputs of 16 bits are floats, and
with all other numbers so few and small that their sums are exact in any order.
"""

import pathlib
import subprocess
import sys

import numpy as np

folder, bits = pathlib.Path(sys.argv[1]), int(sys.argv[2])
folder.mkdir()
rng = np.random.default_rng(bits)
M, N, K, R = 19, 72, 96, 12
floats = bits == 16
X = f"tensor<{M}x{K}xf32>" if floats else f"!qllm.quantized<{M}x{K}, #qllm.int<{bits}>, per_token>"


def pack(name, codes, scales, bits):
    """Text of a packed weight: i4 or i8 as a resource of bytes is not readable, so lists are."""
    rows, columns = codes.shape
    kind = f"tensor<{rows}x{columns}xi{bits}>"
    numbers = "[" + ", ".join(map(repr, scales.tolist())) + "]"
    return f"""
  %{name}_c = onnx.Initializer "{name}" = dense<{codes.tolist()}> : {kind}
  %{name}_s = onnx.Initializer "{name}_scales" = dense<{numbers}> : tensor<{rows}xf32>
  %{name} = qllm.pack %{name}_c, %{name}_s : ({kind}, tensor<{rows}xf32>) -> !qllm.quantized<{rows}x{columns}, #qllm.int<{bits}>, per_channel<0>>"""


def linear(result, x, type, w, rows, columns, bits, element="f32"):
    out = f"tensor<{M}x{rows}x{element}>"
    return f"  %{result} = qllm.linear %{x}, %{w} : ({type}, !qllm.quantized<{rows}x{columns}, #qllm.int<{bits}>, per_channel<0>>) -> {out}\n"


def module(constants, body):
    return f"""func.func @main(%x: tensor<{M}x{K}xf32> {{onnx.name = "x"}}) -> (tensor<{M}x{N}xf32> {{onnx.name = "y"}}) {{
{constants}
{"" if floats else f"  %q = qllm.quantize %x : tensor<{M}x{K}xf32> -> {X}"}
{linear("main", Q, X, "w", N, K, 4)}{body}
  %sum = onnx.Add(%main, %branch) : (tensor<{M}x{N}xf32>, tensor<{M}x{N}xf32>) -> tensor<{M}x{N}xf32>
  onnx.Return %sum : tensor<{M}x{N}xf32>
}}
"""


Q = "x" if floats else "q"
scales = lambda rows: (np.exp2(rng.integers(-1, 2, rows)) if floats else rng.uniform(0.5, 2, rows)).astype(np.float32)
w = pack("w", rng.integers(-8, 8, (N, K)), scales(N), 4)
up = pack("up", rng.integers(-127, 128, (N, R)), scales(N), 8)
# Rows whose largest code is that of the format: nothing is rounded.
largest = 119 if bits == 4 else 127
down_codes = rng.integers(-largest, largest + 1, (R, K))
down_codes[:, 0] = largest
powers = np.exp2(rng.integers(-1, 2, R) if floats else rng.integers(-2, 3, R)).astype(np.float32)
down = pack("down", down_codes, powers, 8)
types = [X, *(f"!qllm.quantized<{rows}x{columns}, #qllm.int<8>, per_channel<0>>" for rows, columns in ((R, K), (N, R)))]
branch = module(w + up + down, f"  %branch = qllm.low_rank %{Q}, %down, %up : ({', '.join(types)}) -> tensor<{M}x{N}xf32>")

Z = f"!qllm.quantized<{M}x{R}, #qllm.int<8>, per_token>"
if bits == 4:
    high = (down_codes + 8) // 16
    digits = pack("digits", np.concatenate([high, down_codes - 16 * high]), np.concatenate([16 * powers, powers]), 4)
    thin = linear("both", "q", X, "digits", 2 * R, K, 4)
    thin += f"  %thin = qllm.merge_channels %both targets {[*range(R), *range(R)]} sum : tensor<{M}x{2 * R}xf32>\n"
else:
    digits, thin = down, linear("thin", Q, X, "down", R, K, 8, "f16" if floats else "f32")
if floats:
    Z, thin = f"tensor<{M}x{R}xf16>", thin.replace("%thin", "%z")
else:
    thin += f"  %z = qllm.quantize %thin : tensor<{M}x{R}xf32> -> {Z}\n"
written = module(w + up + digits, thin + linear("branch", "z", Z, "up", N, R, 8))

(folder / "branch.mlir").write_text(branch)
(folder / "written.mlir").write_text(written)
x = rng.standard_normal((M, K))
if floats:
    # Three of a row are not zero, so that thin products have no more bits than f16.
    x = np.sign(x) * (x.argsort(axis=1).argsort(axis=1) < 3)
np.savez(folder / "x.npz", x=x.astype(np.float32))


def run(command, *options):
    subprocess.run([*command, *options], check=True, cwd=folder)


run(["qllm-opt", "branch.mlir", "--convert-qllm-to-kernel=targets=sm_80 rows=16 float-type=f16", "--fold-kernel-weights", "--canonicalize",
     "--qllm-lower-to-nvvm=targets=sm_80 format=emulator", "-o", "kernels.mlir"])
results = []
for name, options in (("written", []), ("kernels", ["--run-device=sm_80"])):
    run(["qllm-translate", "--run", f"{name}.mlir", "--input=x.npz", "--output=y.npz"], *options)
    results.append(np.load(folder / "y.npz")["y"])
assert np.abs(results[0]).max() > 0
np.testing.assert_array_equal(*results)
print(f"equal: {results[0].shape}")
