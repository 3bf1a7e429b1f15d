# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Arrays as values of a run, and back. Nothing is copied that lies row after row already."""
from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from qllm._qllm import Value

STRING = 8
# Numbers of ONNX's element types, and NumPy's types for them.
DTYPES = {code: np.dtype(name) for code, name in {
    1: np.float32, 2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16,
    11: np.float64, 12: np.uint32, 13: np.uint64, 14: np.complex64, 15: np.complex128, 16: ml_dtypes.bfloat16,
    17: ml_dtypes.float8_e4m3fn, 18: ml_dtypes.float8_e4m3fnuz, 19: ml_dtypes.float8_e5m2, 20: ml_dtypes.float8_e5m2fnuz,
    21: ml_dtypes.uint4, 22: ml_dtypes.int4, 23: ml_dtypes.float4_e2m1fn, 24: ml_dtypes.float8_e8m0fnu, 25: ml_dtypes.uint2,
    26: ml_dtypes.int2, 27: ml_dtypes.float6_e2m3fn, 28: ml_dtypes.float6_e3m2fn}.items()}
CODES = {dtype: code for code, dtype in DTYPES.items()}


def as_array(value: Any, element_type: int = 0) -> np.ndarray:
    """A C-contiguous array of what has `__dlpack__`, of an array, or of numbers, which get the type that is wanted."""
    if not isinstance(value, np.ndarray):
        if hasattr(value, "__dlpack__"):
            value = np.from_dlpack(value)
        elif not isinstance(value, np.generic) and element_type in DTYPES:
            value = np.asarray(value, DTYPES[element_type])
    return np.require(value, requirements=["C", "A"])


def element_type_of(array: np.ndarray) -> int:
    if array.dtype.kind in "OUS" or array.dtype.kind == "T":
        return STRING
    code = CODES.get(array.dtype.newbyteorder("=")) if array.dtype.isnative else None
    if code is None:
        raise TypeError(f"expected an array of a type that ONNX has, but got one of {array.dtype}")
    return code


def raw(array: np.ndarray) -> np.ndarray:
    """The same memory in a type that everybody knows; a copy for int4 and int2."""
    if array.dtype in (ml_dtypes.int4, ml_dtypes.int2):
        return array.astype(np.int8)  # whose upper bits are those of the sign
    return array if array.dtype.isbuiltin == 1 else array.view(f"u{array.dtype.itemsize}")


def to_value(data: Any, element_type: int = 0) -> Value:
    """`None`, a list or tuple for a sequence, or a tensor; `element_type` is what is expected of numbers without a type."""
    if isinstance(data, Value):
        return data
    if data is None:
        return Value.none()
    if isinstance(data, (list, tuple)) and element_type == 0:
        return Value.sequence([to_value(element) for element in data])
    array = as_array(data, element_type)
    code = element_type_of(array)
    if code != STRING:
        return Value.tensor(raw(array), code)
    texts = [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel().tolist()]
    return Value.strings(list(array.shape), texts)


def from_value(value: Value) -> Any:
    """The inverse of `to_value`: an array over the value's memory, a list, or None."""
    if value.kind == 0:
        return None
    if value.kind == 2:
        return [from_value(element) for element in value.to_elements()]
    if value.kind == 3:
        raise TypeError("expected tensors as results, but got a quantized one; dequantize it in the model")
    if value.element_type == STRING:
        texts = [text.decode(errors="surrogateescape") for text in value.to_strings()]
        return np.array(texts, object).reshape(value.shape)
    dtype = DTYPES[value.element_type]
    array = value.to_array()
    return array if array.dtype == dtype else array.view(dtype)
