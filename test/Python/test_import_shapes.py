# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Types that import finds out where a model does not say them."""
from pathlib import Path

import onnx
import onnx.parser
import pytest

from translate import import_model


def imported(folder: Path, text: str) -> str:
    path = folder / "model.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    result = import_model(path, "-")
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_reshape_to_sizes_that_are_put_together_has_their_number_as_rank(tmp_path):
    text = """<ir_version: 8, opset_import: ["": 12]>
    main (float[a, 120, b, c] x) => (float z)
    <int64[1] zero = {0}, int64[1] two = {2}, int64[1] rest = {-1}> {
      shape = Shape(x)
      start = Slice(shape, zero, two, zero)
      sizes = Concat<axis = 0>(start, rest)
      y = Reshape(x, sizes)
      z = ReduceSum<keepdims = 0>(y)
    }"""
    line = next(line for line in imported(tmp_path, text).splitlines() if "onnx.Reshape" in line)
    assert line.endswith("-> tensor<?x?x?xf32>"), line


@pytest.mark.parametrize("length, shape", [("3", "tensor<?x?x?xf32>"), ("0", "tensor<f32>"), ("n", "tensor<*xf32>")])
def test_reshape_to_sizes_of_an_input_has_their_number_as_rank(tmp_path, length, shape):
    text = f"""<ir_version: 8, opset_import: ["": 18]>
    main (float[a, b] x, int64[{length}] sizes) => (float z) {{
      y = Reshape(x, sizes)
      z = ReduceSum<keepdims = 0>(y)
    }}"""
    line = next(line for line in imported(tmp_path, text).splitlines() if "onnx.Reshape" in line)
    assert line.endswith(f"-> {shape}"), line
