# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Solver and site steps as NumPy functions, through unittests/Site/SiteProbe.cpp and ctypes."""

import ctypes
import os
import pathlib

import numpy as np

_SOURCE = pathlib.Path(__file__).resolve().parents[3]
_BUILD = pathlib.Path(os.environ.get("QLLM_BUILD", _SOURCE / "build" / "release"))
_library = ctypes.CDLL(str(_BUILD / "lib" / "libQLLMSiteProbe.so"))


class Format(ctypes.Structure):
    """Mirrors ProbeFormat."""

    _fields_ = [("element", ctypes.c_char * 16), ("symmetric", ctypes.c_int32), ("scale_format", ctypes.c_int32),
                ("has_tensor_scale", ctypes.c_int32), ("group_size", ctypes.c_int64)]


class _Message(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char * 512)]


def integer(bits, symmetric=False, group=0):
    return Format(f"{'' if symmetric else 'u'}int{bits}".encode(), symmetric, 0, False, group)


def nvfp4():
    return Format(b"e2m1", True, 4, True, 16)


def mxfp4():
    return Format(b"e2m1", True, 3, False, 32)


def floats():
    return Format(b"", False, 0, False, 0)


def _pointer(array, kind=ctypes.c_float):
    return None if array is None else array.ctypes.data_as(ctypes.POINTER(kind))


def _float32(array):
    return np.ascontiguousarray(array, np.float32)


def _check(code, message):
    if code:
        raise ValueError(message.text.decode())


def gram(x, threads=1):
    x = _float32(x)
    out = np.empty((x.shape[1], x.shape[1]))
    _library.probeGram(ctypes.c_uint32(threads), _pointer(x), ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]),
                       _pointer(out, ctypes.c_double))
    return out


def upper_factor_of_inverse(matrix, threads=1):
    matrix = np.ascontiguousarray(matrix, np.float64)
    out, message = np.empty_like(matrix), _Message()
    _check(_library.probeCholesky(ctypes.c_uint32(threads), _pointer(matrix, ctypes.c_double), ctypes.c_int64(len(matrix)),
                                  _pointer(out, ctypes.c_double), ctypes.byref(message)), message)
    return out


def _parts(parts):
    return None if parts is None else np.ascontiguousarray(parts, np.int64)


def quantize_input(x, form, parts=None, offsets=False, clip=1.0, threads=1):
    x, parts = _float32(x), _parts(parts)
    out = np.empty_like(x)
    _library.probeQuantizeInput(ctypes.c_uint32(threads), ctypes.byref(form), _pointer(x), ctypes.c_int64(x.shape[0]),
                                ctypes.c_int64(x.shape[1]), _pointer(parts, ctypes.c_int64), ctypes.c_int32(offsets),
                                ctypes.c_float(clip), _pointer(out))
    return out


def site(steps, x, weight, weight_format, input_format, parts=None, threads=1):
    """What the steps make of the weight, and the output of the finished site."""
    x, weight, parts = _float32(x), _float32(weight), _parts(parts)
    rounded, output, message = np.empty_like(weight), np.empty((len(x), len(weight)), np.float32), _Message()
    _check(_library.probeSite(ctypes.c_uint32(threads), ctypes.byref(weight_format), ctypes.byref(input_format), steps.encode(),
                              _pointer(parts, ctypes.c_int64), _pointer(x), ctypes.c_int64(x.shape[0]),
                              ctypes.c_int64(x.shape[1]), _pointer(weight), ctypes.c_int64(len(weight)), _pointer(rounded),
                              _pointer(output), ctypes.byref(message)), message)
    return rounded, output
