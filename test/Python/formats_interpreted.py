# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed weights of every width through the interpreter: what `qllm.pack` holds reads back as the format says."""

import os
import pathlib
import subprocess

import format_probe as probe
import numpy as np
import pytest

BUILD = pathlib.Path(os.environ.get("QLLM_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build" / "release"))
MINIFLOATS = {"e4m3": "f8E4M3FN", "e5m2": "f8E5M2", "e3m2": "f6E3M2FN", "e2m3": "f6E2M3FN", "e2m1": "f4E2M1FN"}
CASES = {f"int{bits}": (f"i{probe.bits(f'int{bits}')[1]}", f"#qllm.int<{bits}>") for bits in range(2, 9)}
CASES |= {f"u{name}": (f"u{element}", text.replace(">", ", asymmetric>")) for name, (element, text) in CASES.items()}
CASES |= {name: (element, f"#qllm.float<{name}>") for name, element in MINIFLOATS.items()}
CASES |= {"nf4": ("ui4", "#qllm.codebook<nf4>"), "ternary": ("i2", "#qllm.ternary")}


@pytest.mark.parametrize("name", CASES)
def test_every_code_from_a_packed_blob(name, tmp_path):
    element, text = CASES[name]
    codes = np.arange(1 << probe.bits(name)[0], dtype=np.uint8)
    codes = np.tile(codes[np.isfinite(probe.decode(name, codes))], 2)[:-1]  # an odd length leaves a partial byte
    codes = probe.encode(name, probe.decode(name, codes))
    blob = probe.pack(name, codes).tobytes()
    zero = 3 if name.startswith("u") else 0
    zeros = '%z = onnx.Initializer "z" = dense<3> : tensor<1xui8>\n' if zero else ""
    operands, types = ("%c, %s, %z", ", tensor<1xui8>") if zero else ("%c, %s", "")
    quantized = f"!qllm.quantized<1x{codes.size}, {text}, per_channel<0>>"
    # The first four bytes of a resource are its alignment.
    (tmp_path / "codes.mlir").write_text(f"""
func.func @main() -> tensor<1x{codes.size}xf32> {{
  %c = onnx.Initializer "c" = dense_resource<codes> : tensor<1x{codes.size}x{element}>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<1xf32>
  {zeros}
  %w = qllm.pack {operands} : (tensor<1x{codes.size}x{element}>, tensor<1xf32>{types}) -> {quantized}
  %d = qllm.dequantize %w : {quantized} -> tensor<1x{codes.size}xf32>
  return %d : tensor<1x{codes.size}xf32>
}}
{{-#
  dialect_resources: {{
    builtin: {{
      codes: "0x01000000{blob.hex()}"
    }}
  }}
#-}}
""")
    result = tmp_path / "result.npz"
    subprocess.run([BUILD / "bin" / "qllm-translate", "--run", f"--output={result}", tmp_path / "codes.mlir"], check=True)
    (values,) = np.load(result).values()
    assert np.array_equal(values.reshape(-1), np.float32(0.5) * (probe.decode(name, codes) - np.float32(zero)))
