"""Takes constants off the keys of attention.mlir in front of their quantizers, and off its queries in front of the rotary embedding; those
of queries are added back as the embedding, and a matrix where there is one, turn them.

usage: center.py MODULE.mlir > CENTERED.mlir
"""

import re
import sys

import numpy as np

text = open(sys.argv[1], encoding="utf-8").read()
random = np.random.default_rng(2)


def constant(name, shape):
    values = random.normal(0, 2, shape).astype(np.float32).tolist()
    return f'  %{name} = onnx.Initializer "{name}" = dense<{values}> : tensor<{"x".join(map(str, shape))}xf32>\n'


constants = constant("qc", (128,)) + constant("kc", (1, 1, 64))
text = re.sub(r"  %kq = qllm.quantize (%\w+)",
              r"  %ks = onnx.Sub(\1, %kc) : (tensor<1x1x?x64xf32>, tensor<1x1x64xf32>) -> tensor<1x1x?x64xf32>\n  %kq = qllm.quantize %ks", text)
text = text.replace("  %q4 = onnx.Reshape(%q,", "  %qs = qllm.shift_channels %q by %qc inverse : tensor<1x?x128xf32>, tensor<128xf32>\n"
                    "  %q4 = onnx.Reshape(%qs,")
# The steps between, of the mean.
steps = [line for line in text.splitlines() if re.match(r"  %q[4trh] = ", line)]
steps = re.sub(r"%(q[4trhs])\b", r"%\1_mean", "\n".join(steps))
end = "%qh_mean" if "%qh_mean" in steps else "%qr_mean"
line = next(each for each in text.splitlines() if "%qf = qllm.dequantize" in each)
text = text.replace(line, f"""{line}
  %sizes_mean = onnx.Shape(%q) : (tensor<1x?x128xf32>) -> tensor<3xi64>
  %qs_mean = onnx.Expand(%qc, %sizes_mean) : (tensor<128xf32>, tensor<3xi64>) -> tensor<1x?x128xf32>
{steps}
  %qa = onnx.Add(%qf, {end}) : (tensor<1x2x?x64xf32>, tensor<1x2x?x64xf32>) -> tensor<1x2x?x64xf32>""")
text = text.replace("Attention(%qf,", "Attention(%qa,").replace("  %zero = onnx", constants + "  %zero = onnx", 1)
print(text, end="")
