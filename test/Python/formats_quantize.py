# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Scales, zero points and codes of groups against ONNX's reference operators and against the formulas written in NumPy."""

import format_probe as probe
import ml_dtypes
import numpy as np
import onnx
import onnx.numpy_helper
import onnx.reference
import pytest

MX = {"mxfp8-e4m3": ml_dtypes.float8_e4m3fn, "mxfp8-e5m2": ml_dtypes.float8_e5m2, "mxfp6-e3m2": ml_dtypes.float6_e3m2fn,
      "mxfp6-e2m3": ml_dtypes.float6_e2m3fn, "mxfp4": ml_dtypes.float4_e2m1fn}
ONNX_INTEGERS = {"int2": ml_dtypes.int2, "uint2": ml_dtypes.uint2, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4,
                 "int8": np.int8, "uint8": np.uint8}
ONNX_FLOATS = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2, "e3m2": ml_dtypes.float6_e3m2fn,
               "e2m3": ml_dtypes.float6_e2m3fn, "e2m1": ml_dtypes.float4_e2m1fn}


def weights(count=32 * 64, mean=0.0, seed=0):
    """Normal values with outliers, zeros, ties and groups of very different size."""
    random = np.random.default_rng(seed)
    values = random.standard_normal(count) * np.repeat(np.exp2(random.integers(-12, 12, count // 32)), 32) + mean
    values[::97] *= 20
    values[5::41] = 0
    return values.astype(np.float32)


def onnx_quantize(values, scales, zeros, dtype, block):
    """ONNX's reference QuantizeLinear and DequantizeLinear, blocked along one row."""
    data_type = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    nodes = [onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], axis=1, block_size=block),
             onnx.helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], axis=1, block_size=block)]
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "blocked", [value("x", onnx.TensorProto.FLOAT, [1, None]), value("s", onnx.TensorProto.FLOAT, [1, None])],
        [value("q", data_type, [1, None]), value("y", onnx.TensorProto.FLOAT, [1, None])],
        initializer=[onnx.numpy_helper.from_array(zeros.astype(dtype).reshape(1, -1), "z")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 28)])
    q, y = onnx.reference.ReferenceEvaluator(model).run(None, {"x": values.reshape(1, -1), "s": scales.reshape(1, -1)})
    return q.reshape(-1), y.reshape(-1)


@pytest.mark.parametrize("name", ONNX_INTEGERS)
@pytest.mark.parametrize("symmetric", [True, False])
def test_integers_as_onnx_quantize_linear(name, symmetric):
    # With zero in the range the zero point is a code, which is all that ONNX can hold.
    values = weights(mean=0.0 if symmetric else 3.0)
    spec = probe.spec(name, symmetric=symmetric, range_includes_zero=not symmetric)
    codes, scales, zeros = probe.quantize(spec, values, 32)
    wanted, back = onnx_quantize(values, scales, zeros, ONNX_INTEGERS[name], 32)
    assert np.array_equal(probe.decode(name, codes), wanted.astype(np.float32))
    assert np.array_equal(probe.dequantize(spec, codes, 32, scales, zeros), back)


@pytest.mark.parametrize("name", ONNX_FLOATS)
def test_floats_as_onnx_quantize_linear(name):
    values = weights()
    spec = probe.spec(name)
    codes, scales, zeros = probe.quantize(spec, values, 32)
    wanted, back = onnx_quantize(values, scales, np.zeros(scales.size, np.float32), ONNX_FLOATS[name], 32)
    assert np.array_equal(codes, wanted.view(np.uint8))
    assert np.array_equal(probe.dequantize(spec, codes, 32, scales, zeros), back)
    largest = np.float32(ml_dtypes.finfo(ONNX_FLOATS[name]).max)
    assert np.array_equal(scales, np.maximum(np.abs(values).reshape(-1, 32).max(1) / largest, np.float32(1e-8)))


@pytest.mark.parametrize("values", [weights(512, 3.0), weights(512, -40.0), weights(512)], ids=["high", "low", "mixed"])
def test_asymmetric_as_onnx_dynamic_quantize_linear(values):
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"])], "dynamic",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None])],
        [onnx.helper.make_tensor_value_info("q", onnx.TensorProto.UINT8, [None])])
    graph.output.extend([onnx.helper.make_tensor_value_info("s", onnx.TensorProto.FLOAT, []),
                         onnx.helper.make_tensor_value_info("z", onnx.TensorProto.UINT8, [])])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    wanted, scale, zero = onnx.reference.ReferenceEvaluator(model).run(None, {"x": values})
    codes, scales, zeros = probe.quantize(probe.spec("uint8", symmetric=False, range_includes_zero=True), values, values.size)
    assert (scales[0], zeros[0]) == (scale, zero)
    assert np.array_equal(codes, wanted)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("mean", [0.0, 50.0, -7.0])
def test_asymmetric_without_zero_in_the_range(bits, mean):
    """QLLM's quantizer: s = (max - min) / (2^b - 1), z = round(-min / s), q = clamp(round(x / s) + z)."""
    values = np.random.default_rng(bits).standard_normal((40, 64)).astype(np.float32) + np.float32(mean)
    low, high, steps = values.min(1, keepdims=True), values.max(1, keepdims=True), np.float32(2**bits - 1)
    scale = (high - low) / steps
    zero = np.rint(-low / scale)
    code = np.clip(np.rint(values / scale) + zero, 0, steps)
    spec = probe.spec(f"uint{bits}", symmetric=False)
    codes, scales, zeros = probe.quantize(spec, values, 64)
    assert np.array_equal(scales, scale[:, 0])
    assert np.array_equal(zeros, zero[:, 0].astype(np.int32))
    assert np.array_equal(codes, code.astype(np.uint8).reshape(-1))
    assert np.array_equal(probe.dequantize(spec, codes, 64, scales, zeros), ((code - zero) * scale).reshape(-1))


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("scale_format", ["f32", "f16", "bf16"])
def test_symmetric(bits, scale_format):
    values = weights()
    largest = np.abs(values).reshape(-1, 32).max(1)
    scale = np.maximum(largest / np.float32(2 ** (bits - 1) - 1), np.float32(1e-8))
    stored = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}[scale_format]
    scale = scale.astype(stored).astype(np.float32)
    assert np.all((scale > 0) & np.isfinite(scale))
    code = np.clip(np.rint(values.reshape(-1, 32) / scale[:, None]), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    codes, scales, zeros = probe.quantize(probe.spec(f"int{bits}", scale=scale_format), values, 32)
    assert np.array_equal(scales, scale) and not zeros.any()
    assert np.array_equal(codes.view(np.int8), code.astype(np.int8).reshape(-1))


def mx_scales(largest, element_max, round_up):
    """Shared exponents by frexp: floor(log2) is exact there."""
    exponent = np.frexp(largest)[1] - np.frexp(np.float32(element_max))[1]
    if round_up:
        exponent += largest.astype(np.float64) > np.ldexp(float(element_max), exponent)
    exponent[largest == 0] = -127
    return np.ldexp(np.float32(1), np.clip(exponent, -127, 127)).astype(np.float32)


@pytest.mark.parametrize("name", MX)
@pytest.mark.parametrize("round_up", [False, True], ids=["floor", "up"])
def test_mx(name, round_up):
    spec, size = probe.block_format(name)
    assert size == 32
    spec.round_up = round_up
    values = np.concatenate([weights(32 * 500), np.zeros(32, np.float32), np.full(32, 1e-42, np.float32),
                             np.full(32, 3e38, np.float32)])
    blocks, element_max = values.reshape(-1, 32), float(ml_dtypes.finfo(MX[name]).max)
    scale = mx_scales(np.abs(blocks).max(1), element_max, round_up)
    ratio = (blocks.astype(np.float64) / scale[:, None]).astype(np.float32)
    code = np.clip(ratio, -element_max, element_max).astype(MX[name])
    codes, scales, zeros = probe.quantize(spec, values, 32)
    assert np.array_equal(scales, scale)
    assert np.array_equal(codes, code.view(np.uint8).reshape(-1))
    with np.errstate(over="ignore"):  # 3e38 rounds up to a multiple of 2^126 that is no float
        back = (code.astype(np.float32) * scale[:, None]).reshape(-1)
    assert np.array_equal(probe.dequantize(spec, codes, 32, scales, zeros), back)
    stored = probe.encode_scales("ue8m0", scales)
    assert np.array_equal(stored.view(ml_dtypes.float8_e8m0fnu).astype(np.float32), scale)
    if round_up:
        assert np.all(np.abs(ratio) <= element_max)


@pytest.mark.parametrize("name", MX)
def test_mx_every_code_under_every_scale(name):
    spec, _ = probe.block_format(name)
    element = spec.element.decode()
    codes = np.arange(1 << probe.bits(element)[0], dtype=np.uint8)
    values = codes.view(MX[name]).astype(np.float64)
    round_trips = 0
    for exponent in range(-127, 128):
        with np.errstate(over="ignore", invalid="ignore"):
            wanted = np.ldexp(values, exponent).astype(np.float32)
        scale = np.float32(2.0**exponent)
        got = probe.dequantize(spec, codes, codes.size, [scale], [0])
        assert np.array_equal(got, wanted, equal_nan=True)
        # And back: the largest element among the values sets this very scale.
        finite = np.isfinite(values)
        if np.isfinite(wanted[finite]).all():
            back, scales, _ = probe.quantize(spec, wanted[finite], codes.size)
            assert scales[0] == scale
            assert np.array_equal(back, codes[finite])
            round_trips += 1
    assert round_trips > 238  # all but the exponents that overflow float


def test_nvfp4_every_code_under_every_scale():
    spec, _ = probe.block_format("nvfp4")
    spec.tensor_scale = np.float32(0.37)
    codes = np.arange(16, dtype=np.uint8)
    for scale in np.arange(1, 0x7F, dtype=np.uint8).view(ml_dtypes.float8_e4m3fn).astype(np.float32):
        wanted = codes.view(ml_dtypes.float4_e2m1fn).astype(np.float32) * (scale * np.float32(0.37))
        assert np.array_equal(probe.dequantize(spec, codes, 16, [scale], [0]), wanted)


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("signed", [True, False])
def test_every_integer_code_under_many_zero_points(bits, signed):
    low = -(1 << bits - 1) if signed else 0
    numbers = np.arange(low, low + (1 << bits), dtype=np.int32)
    spec = probe.spec(f"{'' if signed else 'u'}int{bits}", symmetric=False)
    for zero in [-(1 << 21), -1000, -1, 0, 1, 7, 255, 1 << 21]:
        got = probe.dequantize(spec, numbers.astype(np.uint8), numbers.size, [0.3], [zero])
        assert np.array_equal(got, np.float32(0.3) * (numbers - zero).astype(np.float32))


def test_nvfp4():
    spec, size = probe.block_format("nvfp4")
    assert size == 16
    values = weights(16 * 400)
    largest = np.abs(values).max()
    tensor_scale = largest / np.float32(6 * 448)
    assert probe.tensor_scale(spec, largest) == tensor_scale
    spec.tensor_scale = tensor_scale
    blocks = values.reshape(-1, 16)
    wanted = (np.abs(blocks).max(1) / np.float32(6) / tensor_scale).clip(2.0**-9, 448).astype(ml_dtypes.float8_e4m3fn)
    step = wanted.astype(np.float32) * tensor_scale
    code = np.clip(blocks / step[:, None], -6, 6).astype(ml_dtypes.float4_e2m1fn)
    codes, scales, zeros = probe.quantize(spec, values, 16)
    assert np.array_equal(probe.encode_scales("e4m3", scales), wanted.view(np.uint8))
    assert np.array_equal(codes, code.view(np.uint8).reshape(-1))
    assert np.array_equal(probe.dequantize(spec, codes, 16, scales, zeros), (code.astype(np.float32) * step[:, None]).reshape(-1))


def test_nf4():
    spec, size = probe.block_format("nf4")
    assert size == 64
    values = weights(64 * 200)
    table = probe.decode("nf4", range(16))  # compared with the paper's in formats_elements.py
    blocks = values.reshape(-1, 64)
    scale = np.maximum(np.abs(blocks).max(1), np.float32(1e-8))
    ratio = (blocks / scale[:, None]).astype(np.float64)
    code = np.argmin(np.abs(ratio[..., None] - table.astype(np.float64)), axis=-1)
    codes, scales, zeros = probe.quantize(spec, values, 64)
    assert np.array_equal(scales, scale)
    assert np.array_equal(codes, code.reshape(-1))
    assert np.array_equal(probe.dequantize(spec, codes, 64, scales, zeros), (table[code] * scale[:, None]).reshape(-1))


def test_ternary_absmean():
    """BitNet b1.58 (arXiv 2402.17764), equations 1 to 3."""
    values = weights(96 * 50)
    rows = values.reshape(-1, 96)
    codes, scales, _ = probe.quantize(probe.spec("ternary", abs_mean=True), values, 96)
    assert np.allclose(scales, np.abs(rows.astype(np.float64)).mean(1), rtol=1e-7)
    assert np.array_equal(codes.view(np.int8), np.clip(np.rint(rows / scales[:, None]), -1, 1).astype(np.int8).reshape(-1))


@pytest.mark.parametrize("name", ["int4", "e2m1", "nf4", "ternary"])
def test_short_last_group(name):
    spec, values = probe.spec(name), weights(96)[:75]
    codes, scales, zeros = probe.quantize(spec, values, 32)
    tail, tail_scale, _ = probe.quantize(spec, values[64:], 32)
    assert scales.size == 3
    assert np.array_equal(codes[64:], tail) and scales[2] == tail_scale[0]


def test_failures_name_the_element():
    values = weights(96)
    values[70] = np.nan
    with pytest.raises(probe.FormatError, match="expected finite values, but element 70 is nan") as info:
        probe.quantize(probe.spec("int4"), values, 32)
    assert info.value.index == 70
    with pytest.raises(probe.FormatError, match="expected an integer format for asymmetric quantization, but got e2m1"):
        probe.quantize(probe.spec("e2m1", symmetric=False), values, 32)
    with pytest.raises(probe.FormatError, match="expected an element format, but got none"):
        probe.quantize(probe.spec("int9"), values, 32)
