# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Transforms of channels, exported, compute in ONNX Runtime what they compute in the interpreter: on an activation and on a weight."""
import os
import pathlib
import subprocess

import numpy as np
import onnx
import onnxruntime

BIN = pathlib.Path(os.environ["QLLM_BUILD"]) / "bin"
MODULE = """
module {
  func.func @main(%x: tensor<?x?x6xf32> {onnx.name = "x"}) -> (tensor<?x?x4xf32> {onnx.name = "y"}) {
    %w = onnx.Initializer "w" = dense<WEIGHT> : tensor<4x6xf32>
    %v = onnx.Initializer "v" = dense<[2.0, 0.5, 1.0, 4.0, 1.5, 3.0]> : tensor<6xf32>
    %0 = qllm.permute_channels %x order [5, 3, 1, 0, 2, 4] : tensor<?x?x6xf32>
    %1 = qllm.shift_channels %0 by %v inverse : tensor<?x?x6xf32>, tensor<6xf32>
    %2 = qllm.scale_channels %1 by %v inverse : tensor<?x?x6xf32>, tensor<6xf32>
    %3 = qllm.split_channels %2 parts [1, 3, 1, 2, 1, 1] : tensor<?x?x6xf32>
    %4 = qllm.merge_channels %3 targets [0, 1, 2, 3, 0, 4, 5, 0, 6] : tensor<?x?x9xf32>
    %5 = qllm.scale_channels %w by %v : tensor<4x6xf32>, tensor<6xf32>
    %6 = qllm.split_channels %5 parts [1, 3, 1, 2, 1, 1] repeat : tensor<4x6xf32>
    %7 = qllm.merge_channels %6 targets [0, 1, 2, 3, 0, 4, 5, 0, 6] sum : tensor<4x9xf32>
    %8 = qllm.linear %4, %7 : (tensor<?x?x7xf32>, tensor<4x7xf32>) -> tensor<?x?x4xf32>
    onnx.Return %8 : tensor<?x?x4xf32>
  }
}
"""


def tool(name, *arguments):
    result = subprocess.run([BIN / name, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[:2000]


def test_interpreter_and_onnxruntime_agree(tmp_path):
    random = np.random.default_rng(1)
    weight = random.normal(size=(4, 6)).astype(np.float32)
    (tmp_path / "m.mlir").write_text(MODULE.replace("WEIGHT", str(weight.tolist())))
    np.save(tmp_path / "x.npy", random.normal(size=(2, 5, 6)).astype(np.float32))
    tool("qllm", "run", tmp_path / "m.mlir", "--input", f"x={tmp_path / 'x.npy'}", "-o", tmp_path / "y.npz")
    tool("qllm", "export", tmp_path / "m.mlir", "-o", tmp_path / "m.onnx")
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    found = onnxruntime.InferenceSession(str(tmp_path / "m.onnx")).run(None, {"x": np.load(tmp_path / "x.npy")})[0]
    expected = np.load(tmp_path / "y.npz")
    np.testing.assert_allclose(found, expected[expected.files[0]], rtol=1e-5, atol=1e-6)
