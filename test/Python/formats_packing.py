# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Packed bytes against what the onnx package writes as raw_data, and stored scales against NumPy and ml_dtypes."""

import format_probe as probe
import ml_dtypes
import numpy as np
import onnx
import onnx.numpy_helper
import pytest

DTYPES = {
    "int2": ml_dtypes.int2, "uint2": ml_dtypes.uint2, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4,
    "int8": np.int8, "uint8": np.uint8, "e2m1": ml_dtypes.float4_e2m1fn, "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn, "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2,
}


def codes(name, count):
    raw = np.random.default_rng(count).integers(0, 1 << probe.bits(name)[0], count, dtype=np.uint8)
    return probe.unpack(name, probe.pack(name, raw), count)  # extended as the format says


@pytest.mark.parametrize("name", DTYPES)
def test_bytes_are_those_of_onnx(name):
    for count in list(range(1, 34)) + [1000, 1001, 1002, 1003]:
        array = codes(name, count).view(DTYPES[name])
        assert array.shape == (count,)
        tensor = onnx.numpy_helper.from_array(array)
        assert probe.pack(name, array.view(np.uint8)).tobytes() == tensor.raw_data, count
        assert np.array_equal(probe.unpack(name, np.frombuffer(tensor.raw_data, np.uint8), count), array.view(np.uint8))


@pytest.mark.parametrize("name", DTYPES)
def test_onnx_reads_what_we_write(name):
    array = codes(name, 1001)
    data_type = onnx.numpy_helper.from_array(array.view(DTYPES[name])).data_type
    tensor = onnx.helper.make_tensor("t", data_type, [1001], probe.pack(name, array).tobytes(), raw=True)
    # Compared as values: ml_dtypes leaves the bits above a small integer unspecified.
    wanted = array.view(DTYPES[name]).astype(np.float32)
    assert np.array_equal(onnx.numpy_helper.to_array(tensor).astype(np.float32), wanted, equal_nan=True)


def test_wrong_size_is_an_error():
    with pytest.raises(probe.FormatError, match="expected 5 bytes for 9 packed int4 codes, but got 4"):
        probe.unpack("int4", np.zeros(4, np.uint8), 9)


SCALE_DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16, "ue8m0": ml_dtypes.float8_e8m0fnu,
                "e4m3": ml_dtypes.float8_e4m3fn}


@pytest.mark.parametrize("name", SCALE_DTYPES)
def test_scale_bytes(name):
    scales = np.exp(np.random.default_rng(1).uniform(-8, 6, 4000)).astype(np.float32)
    if name == "e4m3":
        scales = scales[scales < 448]
    stored = scales.astype(SCALE_DTYPES[name])
    assert probe.encode_scales(name, scales).tobytes() == stored.tobytes()
    assert np.array_equal(probe.decode_scales(name, stored.view(np.uint8)), stored.astype(np.float32))


@pytest.mark.parametrize("name", ["f16", "bf16", "e4m3"])
def test_rounded_scales_are_nearest(name):
    for scale in np.exp(np.random.default_rng(2).uniform(-5, 5, 300)).astype(np.float32):
        assert probe.round_scale(name, scale) == np.float32(scale.astype(SCALE_DTYPES[name]))


@pytest.mark.parametrize("name", ["f16", "bf16"])
def test_sixteen_bit_floats_everywhere(name):
    """Every 16-bit pattern decodes as in NumPy, and every tie and its neighbours encode as there."""
    patterns = np.arange(1 << 16, dtype=np.uint16)
    decoded = patterns.view(SCALE_DTYPES[name]).astype(np.float32)
    ours = probe.decode_scales(name, patterns.view(np.uint8))
    assert np.array_equal(ours, decoded, equal_nan=True)
    high = np.arange(1 << 20, dtype=np.uint32) << 12
    numbers = np.concatenate([high, high | 1, high | 0x800, high | 0xFFF, (high << 4) | 0x8000, (high << 4) | 0x8001,
                              (high << 4) | 0x7FFF]).view(np.float32)
    numbers = numbers[~np.isnan(numbers)]
    with np.errstate(over="ignore"):
        wanted = numbers.astype(SCALE_DTYPES[name])
    assert probe.encode_scales(name, numbers).tobytes() == wanted.tobytes()
