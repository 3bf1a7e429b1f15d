# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizers, rotations, branches and weight expressions, exported, compute in ONNX Runtime what they compute in the interpreter."""
import os
import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest

BIN = pathlib.Path(os.environ["QLLM_BUILD"]) / "bin"
ASYMMETRIC = "#qllm.int<4, asymmetric>"
# What stands behind `qllm.quantize %x`, and the type it makes.
QUANTIZERS = {
    "int8 per token": ("", "#qllm.int<8>, per_token"),
    "clipped": ("clip 0.75", f"{ASYMMETRIC}, per_token"),
    "clipped symmetric": ("clip 0.9", "#qllm.int<4>, per_token"),
    "zero in the range": ("include_zero", f"{ASYMMETRIC}, per_token"),
    "rounding offsets": ("rounding_offsets(%o : tensor<32xf32>)", f"{ASYMMETRIC}, per_token"),
    "offsets and groups": ("rounding_offsets(%o : tensor<32xf32>) clip 0.8", f"{ASYMMETRIC}, group<2, 8>"),
    "groups": ("", "#qllm.int<4>, group<2, 16>"),
    "given": ("scales(%s : tensor<32xf32>)", "#qllm.int<6>, per_channel<2>"),
    "half-width scales": ("", "#qllm.int<4>, group<2, 16>, scale = f16"),
    "mxfp4": ("", "#qllm.float<e2m1>, group<2, 16>, scale = ue8m0"),
    "mxfp6": ("clip 1.25", "#qllm.float<e3m2>, group<2, 32>, scale = ue8m0"),
    "e2m3": ("", "#qllm.float<e2m3>, per_token"),
    "e4m3": ("", "#qllm.float<e4m3>, per_token"),
    "e5m2": ("", "#qllm.float<e5m2>, per_token"),
    "nvfp4": ("clip 0.9", "#qllm.float<e2m1>, group<2, 16>, scale = e4m3, tensor_scale"),
    "ternary": ("", "#qllm.ternary, per_token"),
}
SHAPE = "2x5x32"


def module(body, result=f"tensor<{SHAPE}xf32>"):
    return f"""
module {{
  func.func @main(%x: tensor<{SHAPE}xf32> {{onnx.name = "x"}}) -> ({result} {{onnx.name = "y"}}) {{
    %o = onnx.Initializer "o" = dense<{np.linspace(-0.45, 0.45, 32, dtype=np.float32).tolist()}> : tensor<32xf32>
    %s = onnx.Initializer "s" = dense<{np.linspace(0.02, 0.2, 32, dtype=np.float32).tolist()}> : tensor<32xf32>
{body}
    onnx.Return %y : {result}
  }}
}}
"""


def tool(name, *arguments):
    result = subprocess.run([BIN / name, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[:2000]


def both(tmp_path, text):
    """What the interpreter and ONNX Runtime compute for values of very different rows, and the exported model."""
    random = np.random.default_rng(1)
    x = random.normal(size=(2, 5, 32)).astype(np.float32) * np.geomspace(1e-3, 1e3, 10, dtype=np.float32).reshape(2, 5, 1)
    np.save(tmp_path / "x.npy", x)
    (tmp_path / "m.mlir").write_text(text)
    tool("qllm", "run", tmp_path / "m.mlir", "--input", f"x={tmp_path / 'x.npy'}", "-o", tmp_path / "y.npz")
    tool("qllm", "export", tmp_path / "m.mlir", "-o", tmp_path / "m.onnx")
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    found = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run(None, {"x": x})[0]
    expected = np.load(tmp_path / "y.npz")
    return expected[expected.files[0]], found, onnx.load(tmp_path / "m.onnx")


@pytest.mark.parametrize("name", QUANTIZERS)
def test_quantizers(tmp_path, name):
    options, kind = QUANTIZERS[name]
    quantized = f"!qllm.quantized<{SHAPE}, {kind}>"
    expected, found, _ = both(tmp_path, module(f"""
    %q = qllm.quantize %x {options} : tensor<{SHAPE}xf32> -> {quantized}
    %y = qllm.dequantize %q : {quantized} -> tensor<{SHAPE}xf32>"""))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    assert len(np.unique(expected)) > 10, "the case quantizes nothing"


@pytest.mark.parametrize("rotation", [
    "hadamard 8", "hadamard 8 inverse", "hadamard 4 stride 8", "by(%r : tensor<2x2xf32>)", "by(%r : tensor<2x2xf32>) inverse",
    "by(%r : tensor<2x2xf32>) stride 16", "by(%r : tensor<2x2xf32>) stride 4 inverse"])
def test_rotations(tmp_path, rotation):
    expected, found, _ = both(tmp_path, module(f"""
    %r = onnx.Initializer "r" = dense<[[0.6, 0.8], [-0.8, 0.6]]> : tensor<2x2xf32>
    %y = qllm.rotate_channels %x {rotation} : tensor<{SHAPE}xf32>"""))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


def test_site_with_branches_and_weight_expressions(tmp_path):
    """A site as recipes leave it; its weight is an expression, and the file holds the value of that only."""
    random = np.random.default_rng(2)
    dense = lambda *shape: f"dense<{random.normal(size=shape).astype(np.float32).tolist()}> : tensor<{'x'.join(map(str, shape))}xf32>"
    parts = [2 if channel % 16 == 3 else 1 for channel in range(32)]
    expected, found, model = both(tmp_path, module(f"""
    %mean = onnx.Initializer "mean" = {dense(32)}
    %w = onnx.Initializer "w" = {dense(6, 32)}
    %p = onnx.Initializer "p" = {dense(3, 32)}
    %up = onnx.Initializer "up" = {dense(6, 3)}
    %a = onnx.Initializer "a" = {dense(2, 34)}
    %b = onnx.Initializer "b" = {dense(6, 2)}
    %bias = onnx.Initializer "bias" = {dense(6)}
    %x1 = qllm.shift_channels %x by %mean inverse : tensor<{SHAPE}xf32>, tensor<32xf32>
    %z = qllm.linear %x1, %p : (tensor<{SHAPE}xf32>, tensor<3x32xf32>) -> tensor<2x5x3xf32>
    %zq = qllm.quantize %z : tensor<2x5x3xf32> -> !qllm.quantized<2x5x3, #qllm.int<8, asymmetric>, per_token>
    %pt = onnx.Transpose(%p) {{perm = array<i64: 1, 0>}} : (tensor<3x32xf32>) -> tensor<32x3xf32>
    %back = qllm.linear %zq, %pt : (!qllm.quantized<2x5x3, #qllm.int<8, asymmetric>, per_token>, tensor<32x3xf32>) -> tensor<{SHAPE}xf32>
    %x2 = onnx.Sub(%x1, %back) : (tensor<{SHAPE}xf32>, tensor<{SHAPE}xf32>) -> tensor<{SHAPE}xf32>
    %split = qllm.split_channels %x2 parts {parts} rounding_offsets : tensor<{SHAPE}xf32>
    %w2 = qllm.split_channels %w parts {parts} repeat : tensor<6x32xf32>
    %q = qllm.quantize %split clip 0.9 : tensor<2x5x34xf32> -> !qllm.quantized<2x5x34, #qllm.int<8, asymmetric>, per_token>
    %0 = qllm.linear %q, %w2 bias(%bias) : (!qllm.quantized<2x5x34, #qllm.int<8, asymmetric>, per_token>, tensor<6x34xf32>, tensor<6xf32>) -> tensor<2x5x6xf32>
    %1 = qllm.linear %zq, %up : (!qllm.quantized<2x5x3, #qllm.int<8, asymmetric>, per_token>, tensor<6x3xf32>) -> tensor<2x5x6xf32>
    %2 = qllm.low_rank %q, %a, %b : (!qllm.quantized<2x5x34, #qllm.int<8, asymmetric>, per_token>, tensor<2x34xf32>, tensor<6x2xf32>) -> tensor<2x5x6xf32>
    %3 = onnx.Add(%0, %1) : (tensor<2x5x6xf32>, tensor<2x5x6xf32>) -> tensor<2x5x6xf32>
    %y = onnx.Add(%3, %2) : (tensor<2x5x6xf32>, tensor<2x5x6xf32>) -> tensor<2x5x6xf32>""", "tensor<2x5x6xf32>"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    shapes = [tuple(each.dims) for each in model.graph.initializer]
    assert (6, 34) in shapes and (6, 32) not in shapes
    read = {name for node in model.graph.node for name in node.input}
    assert all(each.name in read for each in model.graph.initializer), "dead weights in the file"
