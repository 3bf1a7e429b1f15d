# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The C++ format library as NumPy functions, through unittests/Format/FormatProbe.cpp and ctypes."""

import ctypes
import os
import pathlib

import numpy as np

SCALE_FORMATS = {"f32": 0, "f16": 1, "bf16": 2, "ue8m0": 3, "e4m3": 4}
SCALE_BYTES = {"f32": 4, "f16": 2, "bf16": 2, "ue8m0": 1, "e4m3": 1}

_SOURCE = pathlib.Path(__file__).resolve().parents[3]
_BUILD = pathlib.Path(os.environ.get("QLLM_BUILD", _SOURCE / "build" / "release"))
_library = ctypes.CDLL(str(_BUILD / "lib" / "libQLLMFormatProbe.so"))


class Spec(ctypes.Structure):
    """Mirrors ProbeSpec."""

    _fields_ = [("element", ctypes.c_char * 16), ("symmetric", ctypes.c_int32), ("range_includes_zero", ctypes.c_int32),
                ("scale_format", ctypes.c_int32), ("round_up", ctypes.c_int32), ("abs_mean", ctypes.c_int32),
                ("has_tensor_scale", ctypes.c_int32), ("tensor_scale", ctypes.c_float)]


class _Error(ctypes.Structure):
    _fields_ = [("message", ctypes.c_char * 256), ("index", ctypes.c_int64)]


class FormatError(ValueError):
    """A failure of the library, with the index of the element at fault (-1 for none)."""

    def __init__(self, message, index):
        super().__init__(message)
        self.index = index


def _array(dtype):
    return np.ctypeslib.ndpointer(dtype, flags="C_CONTIGUOUS")


_F32, _U8, _I32, _SIZE, _NAME = _array(np.float32), _array(np.uint8), _array(np.int32), ctypes.c_size_t, ctypes.c_char_p
_ERROR, _SPEC = ctypes.POINTER(_Error), ctypes.POINTER(Spec)
for _name, _result, _arguments in [
    ("probeFormatCount", _SIZE, []),
    ("probeFormatName", None, [_SIZE, ctypes.c_char_p, _SIZE]),
    ("probeFormatBits", None, [_NAME, ctypes.POINTER(ctypes.c_int32), ctypes.POINTER(ctypes.c_int32)]),
    ("probeDecode", None, [_NAME, _U8, _SIZE, _F32]),
    ("probeEncode", None, [_NAME, _F32, _SIZE, ctypes.c_int32, _U8]),
    ("probePack", ctypes.c_int, [_NAME, _U8, _SIZE, _U8, _SIZE, _ERROR]),
    ("probeUnpack", ctypes.c_int, [_NAME, _U8, _SIZE, _U8, _SIZE, _ERROR]),
    ("probeEncodeScales", ctypes.c_int, [ctypes.c_int32, _F32, _SIZE, _U8, _SIZE, _ERROR]),
    ("probeDecodeScales", ctypes.c_int, [ctypes.c_int32, _U8, _SIZE, _F32, _SIZE, _ERROR]),
    ("probeRoundScale", ctypes.c_float, [ctypes.c_int32, ctypes.c_float]),
    ("probeBlockFormat", _SIZE, [_NAME, _SPEC]),
    ("probeTensorScale", ctypes.c_float, [_SPEC, ctypes.c_float]),
    ("probeQuantize", ctypes.c_int, [_SPEC, _F32, _SIZE, _SIZE, _U8, _F32, _I32, _ERROR]),
    ("probeDequantize", ctypes.c_int, [_SPEC, _U8, _SIZE, _SIZE, _F32, _I32, _F32, _ERROR]),
]:
    _function = getattr(_library, _name)
    _function.restype, _function.argtypes = _result, _arguments


def _check(function, *arguments):
    error = _Error()
    if function(*arguments, ctypes.byref(error)):
        raise FormatError(error.message.decode(), error.index)


def _flat(values, dtype):
    return np.ascontiguousarray(values, dtype).reshape(-1)


def names():
    """Every element format."""
    result = []
    for index in range(_library.probeFormatCount()):
        text = ctypes.create_string_buffer(32)
        _library.probeFormatName(index, text, 32)
        result.append(text.value.decode())
    return result


def bits(name):
    """(bits, storage bits) of a format, zeros if there is none of that name."""
    width, storage = ctypes.c_int32(), ctypes.c_int32()
    _library.probeFormatBits(name.encode(), ctypes.byref(width), ctypes.byref(storage))
    return width.value, storage.value


def decode(name, codes):
    codes = _flat(codes, np.uint8)
    values = np.empty(codes.size, np.float32)
    _library.probeDecode(name.encode(), codes, codes.size, values)
    return values


def encode(name, values, saturate=True):
    values = _flat(values, np.float32)
    codes = np.empty(values.size, np.uint8)
    _library.probeEncode(name.encode(), values, values.size, saturate, codes)
    return codes


def pack(name, codes):
    codes = _flat(codes, np.uint8)
    packed = np.full(-(-codes.size * bits(name)[1] // 8), 0xAA, np.uint8)
    _check(_library.probePack, name.encode(), codes, codes.size, packed, packed.size)
    return packed


def unpack(name, packed, count):
    packed, codes = _flat(packed, np.uint8), np.empty(count, np.uint8)
    _check(_library.probeUnpack, name.encode(), packed, packed.size, codes, count)
    return codes


def encode_scales(name, scales):
    scales = _flat(scales, np.float32)
    packed = np.empty(scales.size * SCALE_BYTES[name], np.uint8)
    _check(_library.probeEncodeScales, SCALE_FORMATS[name], scales, scales.size, packed, packed.size)
    return packed


def decode_scales(name, packed):
    packed = _flat(packed, np.uint8)
    scales = np.empty(packed.size // SCALE_BYTES[name], np.float32)
    _check(_library.probeDecodeScales, SCALE_FORMATS[name], packed, packed.size, scales, scales.size)
    return scales


def round_scale(name, scale):
    return np.float32(_library.probeRoundScale(SCALE_FORMATS[name], scale))


def spec(element, symmetric=True, range_includes_zero=False, scale="f32", round_up=False, abs_mean=False, tensor_scale=None):
    return Spec(element.encode(), symmetric, range_includes_zero, SCALE_FORMATS[scale], round_up, abs_mean,
                tensor_scale is not None, 1.0 if tensor_scale is None else tensor_scale)


def block_format(name):
    """(spec, group size) of a named block format."""
    result = Spec()
    size = _library.probeBlockFormat(name.encode(), ctypes.byref(result))
    return result, size


def tensor_scale(spec_, abs_max):
    return np.float32(_library.probeTensorScale(ctypes.byref(spec_), abs_max))


def quantize(spec_, values, group_size):
    """(codes, scales, zero points)"""
    values = _flat(values, np.float32)
    groups = -(-values.size // group_size)
    codes, scales, zeros = np.empty(values.size, np.uint8), np.empty(groups, np.float32), np.empty(groups, np.int32)
    _check(_library.probeQuantize, ctypes.byref(spec_), values, values.size, group_size, codes, scales, zeros)
    return codes, scales, zeros


def dequantize(spec_, codes, group_size, scales, zeros):
    codes, values = _flat(codes, np.uint8), np.empty(codes.size, np.float32)
    _check(_library.probeDequantize, ctypes.byref(spec_), codes, codes.size, group_size, _flat(scales, np.float32),
           _flat(zeros, np.int32), values)
    return values
