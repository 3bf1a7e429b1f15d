# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints of other stacks, read back by readers written from the descriptions of the layouts, hold our weights exactly."""
import json
import os
import pathlib
import subprocess

import numpy as np
import pytest

BIN = pathlib.Path(os.environ["QLLM_BUILD"]) / "bin"
SIZES = {"model.layers.0.mlp.up_proj": (48, 64), "model.layers.0.mlp.down_proj": (64, 48)}


def source() -> str:
    random = np.random.default_rng(3)
    dense = lambda shape: f"dense<{random.normal(size=shape).astype(np.float32).tolist()}> : tensor<{'x'.join(map(str, shape))}xf32>"
    up, down = SIZES.values()
    return f"""
module {{
  func.func @main(%x: tensor<?x64xf32> {{onnx.name = "x"}}) -> (tensor<?x64xf32> {{onnx.name = "y"}}) {{
    %g = onnx.Initializer "model.norm.weight" = {dense((64,))}
    %u = onnx.Initializer "model.layers.0.mlp.up_proj.weight" = {dense(up)}
    %d = onnx.Initializer "model.layers.0.mlp.down_proj.weight" = {dense(down)}
    %b = onnx.Initializer "model.layers.0.mlp.down_proj.bias" = {dense((64,))}
    %0 = onnx.Mul(%x, %g) : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    %1 = qllm.linear %0, %u : (tensor<?x64xf32>, tensor<48x64xf32>) -> tensor<?x48xf32>
    %2 = qllm.linear %1, %d bias(%b) : (tensor<?x48xf32>, tensor<64x48xf32>, tensor<64xf32>) -> tensor<?x64xf32>
    onnx.Return %2 : tensor<?x64xf32>
  }}
}}
"""


def run(*arguments):
    return subprocess.run([BIN / "qllm", *map(str, arguments)], capture_output=True, text=True, check=False)


def quantize(tmp_path, *options):
    (tmp_path / "m.mlir").write_text(source())
    result = run("quantize", tmp_path / "m.mlir", "--recipe", "rtn", *options, "-o", tmp_path / "q", "--quiet")
    assert result.returncode == 0, result.stderr[:2000]
    return tmp_path / "q"


def read_safetensors(path):
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    assert length % 8 == 0 and header.pop("__metadata__") == {"format": "pt"}
    kinds = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "I64": np.int64}
    tensors, end = {}, 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = entry["data_offsets"]
        assert first == end, "tensors leave a gap"
        end = last
        tensors[name] = np.frombuffer(data[8 + length + first : 8 + length + last], kinds[entry["dtype"]]).reshape(entry["shape"])
    assert 8 + length + end == len(data)
    return tensors


def unpack(words, bits, count):
    """Along the last axis: a stream of bits, the lowest of every word first."""
    assert words.shape[-1] == -(-count * bits // 32)
    stream = (words.view(np.uint32)[..., None] >> np.arange(32, dtype=np.uint32) & 1).reshape(*words.shape[:-1], -1)
    digits = stream[..., : count * bits].reshape(*words.shape[:-1], count, bits).astype(np.int64)
    return (digits << np.arange(bits)).sum(-1)


def from_compressed_tensors(tensors, name, scheme):
    rows, columns = tensors[name + ".weight_shape"]
    bits = scheme["num_bits"]
    codes = unpack(tensors[name + ".weight_packed"], bits, columns) - 2 ** (bits - 1)
    zero = np.zeros((1, 1))
    if not scheme["symmetric"]:
        zero = unpack(np.ascontiguousarray(tensors[name + ".weight_zero_point"].T), bits, rows).T - 2 ** (bits - 1)
    scale = tensors[name + ".weight_scale"]
    size = columns if scheme["strategy"] == "channel" else scheme["group_size"]
    spread = lambda values: np.repeat(values, columns // values.shape[1], axis=1) if values.shape[1] > 1 else values
    assert scale.shape == (rows, columns // size)
    return (codes - spread(zero)).astype(np.float32) * spread(scale)


def from_gptq(tensors, name, config):
    bits = config["bits"]
    words = tensors[name + ".qweight"]
    rows, columns = words.shape[1], words.shape[0] * (32 // bits)
    codes = unpack(np.ascontiguousarray(words.T), bits, columns)
    zeros = unpack(tensors[name + ".qzeros"], bits, rows).T + 1
    group = tensors[name + ".g_idx"]
    return (codes - zeros[:, group]).astype(np.float32) * tensors[name + ".scales"].T[:, group]


def dequantized(folder):
    """The same weights through the ONNX export, which shares no layout with checkpoints, in ONNX Runtime's arithmetic."""
    import onnx
    import onnxruntime
    result = run("export", folder, "--weights", "qdq", "-o", folder / "w.onnx")
    assert result.returncode == 0, result.stderr[:2000]
    model = onnx.load(folder / "w.onnx")
    found = {}
    for node in model.graph.node:
        if node.op_type == "MatMul":
            model.graph.output.append(onnx.helper.make_tensor_value_info(node.input[1], onnx.TensorProto.FLOAT, None))
            found[len(found)] = node.input[1]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    values = session.run(list(found.values()), {"x": np.zeros((1, 64), np.float32)})
    return {name: value.T for name, value in zip(SIZES, values)}


@pytest.mark.parametrize("options", [
    ("--weight-bits=4", "--granularity=group", "--group-size=16", "--symmetric"),
    ("--weight-bits=4", "--granularity=group", "--group-size=16"),
    ("--weight-bits=8", "--granularity=channel", "--symmetric"),
    ("--weight-bits=3", "--granularity=channel"),
    ("--weight-bits=4", "--granularity=channel", "--activation-bits=8", "--activation-symmetric")], ids=lambda o: " ".join(o))
def test_compressed_tensors(tmp_path, options):
    folder = quantize(tmp_path, *options)
    (tmp_path / "base.json").write_text('{"model_type": "llama"}')
    result = run("export", folder, "--format", "compressed-tensors", "--config", tmp_path / "base.json", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr[:2000]
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["model_type"] == "llama"
    quantization = config["quantization_config"]
    assert (quantization["quant_method"], quantization["format"]) == ("compressed-tensors", "pack-quantized")
    (group,) = quantization["config_groups"].values()
    assert group["targets"] == ["Linear"]
    assert (group["input_activations"] is not None) == ("--activation-bits=8" in options)
    tensors = read_safetensors(tmp_path / "out/model.safetensors")
    assert {"model.norm.weight", "model.layers.0.mlp.down_proj.bias"} <= set(tensors)
    for name, expected in dequantized(folder).items():
        np.testing.assert_array_equal(from_compressed_tensors(tensors, name, group["weights"]), expected)


@pytest.mark.parametrize("options", [
    ("--weight-bits=4", "--granularity=group", "--group-size=16", "--symmetric"),
    ("--weight-bits=4", "--granularity=group", "--group-size=16"),
    ("--weight-bits=8", "--granularity=channel")], ids=lambda o: " ".join(o))
def test_gptq(tmp_path, options):
    folder = quantize(tmp_path, *options)
    result = run("export", folder, "--format", "gptq", "-o", tmp_path / "out")
    assert result.returncode == 0, result.stderr[:2000]
    quantization = json.loads((tmp_path / "out/config.json").read_text())["quantization_config"]
    tensors = read_safetensors(tmp_path / "out/model.safetensors")
    for name, expected in dequantized(folder).items():
        np.testing.assert_array_equal(from_gptq(tensors, name, quantization), expected)


@pytest.mark.parametrize("layout, options, reason", [
    ("gptq", ("--weight-bits=4", "--activation-bits=8"), "expected inputs in floating point, but got uint8"),
    ("gptq", ("--weight-bits=3",), "expected 2, 4 or 8 bits, but got 3"),
    ("compressed-tensors", ("--weight-format=nf4", "--granularity=group", "--group-size=16"), "expected integer weights, but got nf4")])
def test_what_does_not_fit_is_refused(tmp_path, layout, options, reason):
    result = run("export", quantize(tmp_path, *options), "--format", layout, "-o", tmp_path / "out")
    assert result.returncode == 1 and reason in result.stderr
    assert "up_proj" in result.stderr and not (tmp_path / "out").exists()


def test_channel_operations_are_refused(tmp_path):
    (tmp_path / "m.mlir").write_text(source().replace("%0 = onnx.Mul", "%p = qllm.permute_channels %x order ["
                                     + ", ".join(map(str, range(63, -1, -1))) + "] : tensor<?x64xf32>\n    %0 = onnx.Mul"))
    result = run("export", tmp_path / "m.mlir", "--format", "gptq", "-o", tmp_path / "out")
    assert result.returncode == 1 and "no checkpoint layout has an operation qllm.permute_channels" in result.stderr
