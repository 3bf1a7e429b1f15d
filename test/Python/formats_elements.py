# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Every code and every rounding border of every element format against ml_dtypes, ONNX's reference Cast, and the
published definition of NF4."""

import fractions
import statistics

import format_probe as probe
import ml_dtypes
import numpy as np
import onnx
import onnx.reference
import pytest

# Integers of 3, 5, 6 and 7 bits, NF4 and ternary are in neither package; they have tests of their own below.
ML_DTYPES = {
    "e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2, "e3m2": ml_dtypes.float6_e3m2fn,
    "e2m3": ml_dtypes.float6_e2m3fn, "e2m1": ml_dtypes.float4_e2m1fn, "ue8m0": ml_dtypes.float8_e8m0fnu,
    "int2": ml_dtypes.int2, "uint2": ml_dtypes.uint2, "int4": ml_dtypes.int4, "uint4": ml_dtypes.uint4,
    "int8": np.int8, "uint8": np.uint8,
}
MINIFLOATS = ["e4m3", "e5m2", "e3m2", "e2m3", "e2m1"]
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in range(2, 9)]
ONNX_TYPES = {
    "e4m3": onnx.TensorProto.FLOAT8E4M3FN, "e5m2": onnx.TensorProto.FLOAT8E5M2, "e3m2": onnx.TensorProto.FLOAT6E3M2,
    "e2m3": onnx.TensorProto.FLOAT6E2M3, "e2m1": onnx.TensorProto.FLOAT4E2M1,
}

# QLoRA (arXiv 2305.14314), appendix E.
NF4 = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
       -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
       0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0]


def codes_of(name):
    return np.arange(1 << probe.bits(name)[0], dtype=np.uint8)


def every_border():
    """Floats with twenty free high bits and low bits next to zero, half and one.

    Every code and every midpoint of every format here has at least twelve trailing zero bits, so between two of these floats no
    encoder that is monotone can change its answer: agreeing on them is agreeing on all floats.
    """
    high = np.arange(1 << 20, dtype=np.uint32) << 12
    return np.concatenate([high, high | 1, high | 0x800, high | 0xFFF]).view(np.float32)


def every_half():
    return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


BORDERS = every_border()


def same_bits(got, wanted):
    got, wanted = np.asarray(got, np.float32), np.asarray(wanted, np.float32)
    nan = np.isnan(wanted)
    assert np.array_equal(np.isnan(got), nan)
    assert np.array_equal(got[~nan].view(np.uint32), wanted[~nan].view(np.uint32))


def test_the_lists_are_complete():
    assert set(probe.names()) == set(INTEGERS) | set(MINIFLOATS) | {"ue8m0", "nf4", "ternary"}


@pytest.mark.parametrize("name", ML_DTYPES)
def test_decode_every_code(name):
    codes = codes_of(name)
    same_bits(probe.decode(name, codes), codes.view(ML_DTYPES[name]).astype(np.float32))


@pytest.mark.parametrize("name", ["e4m3", "e5m2"])
def test_encode_without_saturation(name):
    with np.errstate(invalid="ignore"):
        wanted = BORDERS.astype(ML_DTYPES[name]).view(np.uint8)
    assert np.array_equal(probe.encode(name, BORDERS, saturate=False), wanted)


@pytest.mark.parametrize("name", MINIFLOATS)
def test_encode_saturates(name):
    numbers = BORDERS[~np.isnan(BORDERS)]
    largest = float(ml_dtypes.finfo(ML_DTYPES[name]).max)
    wanted = np.clip(numbers, -largest, largest).astype(ML_DTYPES[name]).view(np.uint8)
    assert np.array_equal(probe.encode(name, numbers), wanted)


@pytest.mark.parametrize("name", MINIFLOATS)
@pytest.mark.parametrize("values", [every_half(), BORDERS[::64]], ids=["halves", "floats"])
def test_encode_as_onnx_cast(name, values):
    numbers = values[~np.isnan(values)]
    node = onnx.helper.make_node("Cast", ["x"], ["y"], to=ONNX_TYPES[name], **({"saturate": 1} if name in ("e4m3", "e5m2") else {}))
    graph = onnx.helper.make_graph(
        [node], "cast", [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [None])],
        [onnx.helper.make_tensor_value_info("y", ONNX_TYPES[name], [None])])
    # Opset 28 is the first with six-bit floats.
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 28)])
    (wanted,) = onnx.reference.ReferenceEvaluator(model).run(None, {"x": numbers})
    same_bits(probe.decode(name, probe.encode(name, numbers)), wanted.astype(np.float32))


def test_encode_ue8m0():
    # Ours saturates instead of giving NaN for zero and large values. Below 2^-126, where the float is subnormal, ml_dtypes takes
    # 1.01 * 2^-127 up; ours takes the nearest there too.
    normal = BORDERS[(BORDERS >= 2.0**-126) & (BORDERS < 1.5 * 2.0**127)]
    assert np.array_equal(probe.encode("ue8m0", normal), normal.astype(ml_dtypes.float8_e8m0fnu).view(np.uint8))
    subnormal = BORDERS[(BORDERS >= 0) & (BORDERS < 2.0**-126)]
    assert np.array_equal(probe.encode("ue8m0", subnormal), subnormal.astype(np.float64) >= 1.5 * 2.0**-127)
    assert probe.encode("ue8m0", [0.0, 3e38, np.inf, -1.0, np.nan]).tolist() == [0, 254, 254, 255, 255]


@pytest.mark.parametrize("name", INTEGERS)
def test_encode_integers(name):
    width, signed = probe.bits(name)[0], name[0] == "i"
    low, high = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    numbers = BORDERS[~np.isnan(BORDERS)]
    wanted = np.clip(np.rint(numbers), low, high).astype(np.int16).astype(np.uint8)
    assert np.array_equal(probe.encode(name, numbers), wanted)
    assert probe.decode(name, codes_of(name)).tolist() == [code - (signed and code > high) * (1 << width)
                                                           for code in range(1 << width)]


def test_nf4_table():
    assert probe.decode("nf4", range(16)).tolist() == np.float32(NF4).tolist()


def test_nf4_table_is_the_normal_quantiles_it_was_made_from():
    # QLoRA, section 3: quantiles at equal spacing, eight positive, seven negative, and zero; the offset is the one of its code.
    quantile = statistics.NormalDist().inv_cdf
    positive = [quantile(p) for p in np.linspace(0.9677083, 0.5, 9)[:-1]]
    negative = [-quantile(p) for p in np.linspace(0.9677083, 0.5, 8)[:-1]]
    table = np.sort([*positive, *negative, 0.0]) / max(positive)
    assert np.allclose(table, NF4, rtol=0, atol=3e-7)


def test_nf4_encode_is_nearest_in_exact_arithmetic():
    # Floats around each exact midpoint, and a sweep; a tie stays at the lower value.
    middles = np.float32((np.float64(np.float32(NF4[1:])) + np.float64(np.float32(NF4[:-1]))) / 2)
    steps = np.concatenate([middles, np.nextafter(middles, np.float32(2)), np.nextafter(middles, np.float32(-2)),
                            np.linspace(-1.5, 1.5, 2001, dtype=np.float32)])
    table = [fractions.Fraction(float(np.float32(value))) for value in NF4]
    wanted = [min(range(16), key=lambda i, x=fractions.Fraction(float(x)): (abs(table[i] - x), i)) for x in steps]
    assert probe.encode("nf4", steps).tolist() == wanted


def test_ternary():
    values = np.linspace(-3, 3, 601, dtype=np.float32)
    assert np.array_equal(probe.encode("ternary", values), np.clip(np.rint(values), -1, 1).astype(np.int8).view(np.uint8))
    assert probe.decode("ternary", [0, 1, 3]).tolist() == [0.0, 1.0, -1.0]
    assert np.isnan(probe.decode("ternary", [2]))[0]


@pytest.mark.parametrize("name", [name for name in INTEGERS + MINIFLOATS + ["nf4", "ternary"]])
def test_no_value_is_nearer(name):
    """decode(encode(x)) is a nearest value, for every half and a margin beyond the range."""
    values = np.unique(probe.decode(name, codes_of(name)))
    values = values[np.isfinite(values)].astype(np.float64)
    numbers = every_half()
    numbers = numbers[np.isfinite(numbers)]
    error = np.abs(probe.decode(name, probe.encode(name, numbers)).astype(np.float64) - numbers)
    best = np.min(np.abs(values[None, :] - np.float64(numbers)[:, None]), axis=1)
    assert np.array_equal(error, best)
