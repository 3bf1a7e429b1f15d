"""Takes constants off the queries and keys of attention.mlir, in front of their quantizers, and adds them back to queries.

usage: center.py MODULE.mlir > CENTERED.mlir
"""

import sys

import numpy as np

text = open(sys.argv[1], encoding="utf-8").read()
random = np.random.default_rng(2)
constants = ""
for letter, heads in (("q", 2), ("k", 1)):
    kind, shape = f"tensor<1x{heads}x?x64xf32>", f"tensor<{heads}x1x64xf32>"
    values = random.normal(0, 2, (heads, 1, 64)).astype(np.float32).tolist()
    constants += f'  %{letter}c = onnx.Initializer "{letter}c" = dense<{values}> : {shape}\n'
    line = next(each for each in text.splitlines() if f"%{letter}q = qllm.quantize" in each)
    before = line.split("quantize ")[1].split(" ")[0]
    text = text.replace(line, f"  %{letter}s = onnx.Sub({before}, %{letter}c) : ({kind}, {shape}) -> {kind}\n"
                        + line.replace(before, f"%{letter}s", 1))
line = next(each for each in text.splitlines() if "%qf = qllm.dequantize" in each)
text = text.replace(line, f"{line}\n  %qa = onnx.Add(%qf, %qc) : (tensor<1x2x?x64xf32>, tensor<2x1x64xf32>) -> tensor<1x2x?x64xf32>")
text = text.replace("Attention(%qf,", "Attention(%qa,").replace('  %zero = onnx', constants + '  %zero = onnx', 1)
print(text, end="")
