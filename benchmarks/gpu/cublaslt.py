# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""cuBLASLt by ctypes: products of bf16, and of int8 to int32, as the yardstick of the same run. Written after NVIDIA's description of the
library and tested with a stand-in; it has not run on a card yet."""
import ctypes
import importlib.util
from ctypes import Structure, byref, c_char_p, c_float, c_int, c_int32, c_int64, c_size_t, c_uint64, c_void_p, sizeof
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from timing import measure

# Numbers of cublasLt.h, cublas_api.h and library_types.h.
TRANSPOSE_A, TRANSPOSE_B, MOST_WORKSPACE = 3, 4, 1
KEEP, TRANSPOSE = 0, 1
WORKSPACE = 32 << 20  # bytes
NAMES = ("libcublasLt.so.13", "libcublasLt.so.12")
BLOCK = 1 << 21  # random elements, of which matrices are repetitions
SPOTS = 16  # outputs of the first and the last row that are compared


class Algorithm(Structure):
    """cublasLtMatmulHeuristicResult_t."""
    _fields_ = [("algorithm", c_uint64 * 8), ("workspace", c_size_t), ("state", c_int), ("waves", c_float), ("reserved", c_int * 4)]


@dataclass(frozen=True)
class Kind:
    """Types of a product: of both inputs and of the result as the library numbers them, of sums and of the scales alpha and beta; and
    how its matrices look here."""
    input: int
    result: int
    compute: int
    scale: int
    scalar: type
    input_bytes: int
    result_type: type
    allowed: float  # relative to the sum of magnitudes

    def draw(self, random) -> np.ndarray:
        """A block of random elements."""
        if self.input_bytes == 1:
            return random.integers(-128, 128, BLOCK, np.int8)
        return (random.standard_normal(BLOCK, np.float32).view(np.uint32) >> 16).astype(np.uint16)

    def values(self, elements: np.ndarray) -> np.ndarray:
        return elements.astype(np.float64) if elements.dtype.itemsize != 2 else (elements.astype(np.uint32) << 16).view(np.float32).astype(np.float64)


KINDS = {"bf16": Kind(14, 14, 68, 0, c_float, 2, np.uint16, 2.0**-9), "int8": Kind(3, 10, 72, 10, c_int32, 1, np.int32, 0.0)}


class CublasLtFailed(Exception):
    """The library refuses something; the text says what, and why."""


def load_library(path: str):
    """The library and its name: that of the path, or one that the loader or a package of this Python has; None if there is none."""
    names = [path] if path else list(NAMES)
    if not path and (spec := importlib.util.find_spec("nvidia")):
        folders = [Path(each) for each in spec.submodule_search_locations or ()]
        names += [str(found) for folder in folders for name in NAMES for found in sorted(folder.glob(f"*/lib/{name}"))]
    for name in names:
        try:
            return ctypes.CDLL(name), name
        except OSError:
            continue
    return None, ""


class CublasLt:
    """Products on the stream of a CudaDriver, with the algorithm that the library's heuristic puts first."""

    def __init__(self, driver, library, name: str, seconds: float):
        self.driver, self.library, self.seconds = driver, library, seconds
        self.library.cublasLtGetVersion.restype = c_size_t
        self.library.cublasLtGetStatusString.restype = c_char_p
        self.version = f"cuBLASLt {self.library.cublasLtGetVersion()} ({name})"
        self.handle = self.create("cublasLtCreate")
        self.workspace = driver.allocate(WORKSPACE)
        self.preference = self.create("cublasLtMatmulPreferenceCreate")
        self.set("cublasLtMatmulPreferenceSetAttribute", self.preference, MOST_WORKSPACE, c_uint64(WORKSPACE))
        self.random = np.random.default_rng(0)

    def call(self, name: str, *arguments) -> None:
        """Calls a function, whose arguments all have their types."""
        status = getattr(self.library, name)(*arguments)
        if status:
            text = self.library.cublasLtGetStatusString(c_int(status)) or b"unknown error"
            raise CublasLtFailed(f"{name}: {text.decode()} ({status})")

    def create(self, name: str, *arguments) -> c_void_p:
        made = c_void_p()
        self.call(name, byref(made), *arguments)
        return made

    def set(self, name: str, thing: c_void_p, attribute: int, value) -> None:
        self.call(name, thing, c_int(attribute), byref(value), c_size_t(sizeof(value)))

    def time(self, name: str, rows: int, outputs: int, depth: int):
        """The Timing of x times w transposed, with copies of w that take turns, as ours do."""
        kind, block = KINDS[name], KINDS[name].draw(self.random)
        x, w = (np.resize(block, (size, depth)) for size in (rows, outputs))
        count = max(1, -(-3 * self.driver.cache_bytes // w.nbytes))
        inputs, weights = self.driver.upload(x), [self.driver.upload(w)]
        result = self.driver.allocate(rows * outputs * np.dtype(kind.result_type).itemsize, 0xEE)
        product = None
        try:
            weights += [self.driver.copy(weights[0]) for _ in range(count - 1)]
            product = Product(self, kind, rows, outputs, depth)
            actions = [lambda weight=weight: product.run(weight, inputs, result) for weight in weights]
            actions[0]()  # what is loaded when it is first used must not be while a graph is recorded
            self.driver.synchronise()
            self.check(kind, x, w, result)
            return measure(lambda launches: self.driver.record([actions[turn % count] for turn in range(launches)]), count, self.seconds)
        finally:
            if product:
                product.close()
            self.driver.free(inputs, *weights, result)

    def check(self, kind: Kind, x: np.ndarray, w: np.ndarray, result) -> None:
        """Compares some elements, as a product of other matrices would be no yardstick."""
        size = np.dtype(kind.result_type).itemsize
        for row in {0, len(x) - 1}:
            found = np.frombuffer(self.driver.download(result, row * len(w) * size, min(SPOTS, len(w)) * size), kind.result_type)
            left, right = kind.values(x[row]), kind.values(w[:len(found)])
            wrong = ~(np.abs(kind.values(found) - right @ left) <= kind.allowed * (np.abs(right) @ np.abs(left)))
            if wrong.any():
                raise CublasLtFailed(f"expected {(right @ left)[wrong][0]:g} in row {row}, but got {kind.values(found)[wrong][0]:g}")


class Product:
    """Descriptions of a product and the algorithm for it. The library has columns in a row in memory, so that to it the result with
    `outputs` in a row is the transposed one: w, which it reads as [depth, outputs], transposed, times x as [depth, rows]."""

    def __init__(self, library: CublasLt, kind: Kind, rows: int, outputs: int, depth: int):
        self.library, self.kind = library, kind
        self.made = []
        self.description = self.make("cublasLtMatmulDesc", c_int(kind.compute), c_int(kind.scale))
        for attribute, form in ((TRANSPOSE_A, TRANSPOSE), (TRANSPOSE_B, KEEP)):
            library.set("cublasLtMatmulDescSetAttribute", self.description, attribute, c_int32(form))
        self.layouts = [self.make("cublasLtMatrixLayout", c_int(element), c_uint64(height), c_uint64(width), c_int64(height)) for
                        element, height, width in ((kind.input, depth, outputs), (kind.input, depth, rows), (kind.result, outputs, rows))]
        self.algorithm, found = Algorithm(), c_int()
        w, x, y = self.layouts
        library.call("cublasLtMatmulAlgoGetHeuristic", library.handle, self.description, w, x, y, y, library.preference, c_int(1),
                     byref(self.algorithm), byref(found))
        if not found.value or self.algorithm.state:
            raise CublasLtFailed("cublasLtMatmulAlgoGetHeuristic: no algorithm")
        self.one, self.zero = kind.scalar(1), kind.scalar(0)

    def make(self, name: str, *arguments) -> c_void_p:
        self.made.append((name, self.library.create(f"{name}Create", *arguments)))
        return self.made[-1][1]

    def run(self, weight, inputs, result) -> None:
        """Starts one product on the driver's stream."""
        w, x, y = self.layouts
        at = lambda buffer: c_void_p(buffer.address)  # noqa: E731
        self.library.call("cublasLtMatmul", self.library.handle, self.description, byref(self.one), at(weight), w, at(inputs), x,
                          byref(self.zero), at(result), y, at(result), y, byref(self.algorithm), at(self.library.workspace),
                          c_size_t(WORKSPACE), c_void_p(self.library.driver.stream))

    def close(self) -> None:
        while self.made:
            name, thing = self.made.pop()
            self.library.call(f"{name}Destroy", thing)
