# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The CUDA driver by ctypes, without headers or a toolkit: modules, memory, launches, tensor maps, graphs and events."""
import ctypes
import functools
from ctypes import POINTER, Structure, addressof, byref, c_char, c_float, c_int, c_size_t, c_ubyte, c_uint, c_uint64, c_void_p
from dataclasses import dataclass

import numpy as np
from driver import Call, LaunchFailed, check_target
from manifest import BadInput, Kernel, Package

# Numbers of cuda.h.
MULTIPROCESSORS, CACHE_BYTES, MAJOR, MINOR, MOST_SHARED = 16, 38, 75, 76, 8
CLUSTER_DIMENSION, RELAXED_CAPTURE = 4, 2
BYTES, PROMOTE_256 = 0, 3  # of tensor maps
SWIZZLES = {0: 0, 32: 1, 64: 2, 128: 3}


class LaunchAttribute(Structure):
    _fields_ = [("id", c_int), ("pad", c_int), ("value", c_uint * 16)]


class LaunchConfig(Structure):
    _fields_ = [("grid", c_uint * 3), ("block", c_uint * 3), ("shared", c_uint), ("stream", c_void_p),
                ("attributes", POINTER(LaunchAttribute)), ("count", c_uint)]


@dataclass(frozen=True)
class Buffer:
    address: int
    size: int


class Launch:
    """A call in the form in which the driver takes it, so that launching costs little."""

    def __init__(self, driver: "CudaDriver", call: Call):
        kernel, geometry = call.kernel, call.kernel.geometry
        maps = {each.operand: each for each in geometry.maps}
        self.arguments = []
        for index, buffer in enumerate(call.operands + call.results):
            self.arguments.append(driver.tensor_map(kernel, maps[index], buffer, call.rows) if index in maps else c_uint64(buffer.address))
        self.arguments += [c_int(size) for size in call.size_arguments()]
        self.pointers = (c_void_p * len(self.arguments))(*(addressof(each) for each in self.arguments))
        self.attribute = LaunchAttribute(CLUSTER_DIMENSION, 0, (geometry.cluster, geometry.column_cluster, 1))
        self.config = LaunchConfig(call.grid(), (geometry.threads, 1, 1), geometry.shared, driver.stream, ctypes.pointer(self.attribute),
                                   int(geometry.cluster * geometry.column_cluster > 1))
        self.handle = call.handle


class CudaDriver:
    """A card. Its primary context is used, which is that of PyTorch as well."""
    can_time = True

    def __init__(self, target: str, library: str = "libcuda.so.1", device: int = 0):
        self.notes = []
        try:
            self.cuda = ctypes.CDLL(library)
        except OSError as error:
            raise BadInput(f"expected the CUDA driver as {library}, but {error}") from error
        self.call("cuInit", c_uint(0))
        self.device, context, stream = c_int(), c_void_p(), c_void_p()
        self.call("cuDeviceGet", byref(self.device), c_int(device))
        name = (c_char * 256)()
        self.call("cuDeviceGetName", name, c_int(256), self.device)
        self.card = name.value.decode()
        version = c_int()
        self.call("cuDriverGetVersion", byref(version))
        self.version = f"{version.value // 1000}.{version.value % 1000 // 10}"
        check_target(target, self.attribute(MAJOR), self.attribute(MINOR), self.card)
        self.multiprocessors, self.cache_bytes = self.attribute(MULTIPROCESSORS), self.attribute(CACHE_BYTES)
        self.call("cuDevicePrimaryCtxRetain", byref(context), self.device)
        self.call("cuCtxSetCurrent", context)
        # Waits for copies, which go through the default stream.
        self.call("cuStreamCreate", byref(stream), c_uint(0))
        self.stream = stream.value

    def call(self, name: str, *arguments) -> None:
        """Calls a function of the driver, whose arguments all have their types."""
        try:
            function = getattr(self.cuda, name)
        except AttributeError as error:
            raise BadInput(f"expected a CUDA driver with {name}; this one is too old") from error
        status = function(*arguments)
        if status:
            text = ctypes.c_char_p()
            self.cuda.cuGetErrorString(c_int(status), byref(text))
            raise LaunchFailed(f"{name}: {(text.value or b'unknown error').decode()} ({status})")

    def attribute(self, number: int) -> int:
        value = c_int()
        self.call("cuDeviceGetAttribute", byref(value), c_int(number), self.device)
        return value.value

    def load(self, package: Package, kernel: Kernel):
        """The kernel's function, with as much shared memory as it wants: of the cubin, or of the PTX if the driver takes only that."""
        failures = []
        for kind in [each for each in ("cubin", "ptx") if each in kernel.files] or ["cubin"]:
            try:
                function = self.load_code(package.read_code(kernel, kind), kernel)
            except LaunchFailed as error:
                failures.append(f"cannot load '{kernel.files[kind]}' with a driver for CUDA {self.version}: {error}")
                continue
            self.notes += failures
            self.call("cuFuncSetAttribute", function, c_int(MOST_SHARED), c_int(kernel.geometry.shared))
            return function
        raise BadInput("; ".join(failures))

    def load_code(self, code: bytes, kernel: Kernel):
        module, function = c_void_p(), c_void_p()
        self.call("cuModuleLoadData", byref(module), code)
        self.call("cuModuleGetFunction", byref(function), module, kernel.name.encode())
        return function

    def take_notes(self) -> list:
        """What was worth saying since the last time."""
        found, self.notes = self.notes, []
        return found

    def allocate(self, size: int, fill: int = 0) -> Buffer:
        address = c_uint64()
        self.call("cuMemAlloc_v2", byref(address), c_size_t(max(size, 16)))
        self.call("cuMemsetD8_v2", address, c_ubyte(fill), c_size_t(max(size, 16)))
        return Buffer(address.value, size)

    def upload(self, array: np.ndarray) -> Buffer:
        array = np.ascontiguousarray(array)
        address = c_uint64()
        self.call("cuMemAlloc_v2", byref(address), c_size_t(max(array.nbytes, 16)))
        self.call("cuMemcpyHtoD_v2", address, c_void_p(array.ctypes.data), c_size_t(array.nbytes))
        return Buffer(address.value, array.nbytes)

    def copy(self, buffer: Buffer) -> Buffer:
        address = c_uint64()
        self.call("cuMemAlloc_v2", byref(address), c_size_t(max(buffer.size, 16)))
        self.call("cuMemcpyDtoD_v2", address, c_uint64(buffer.address), c_size_t(buffer.size))
        return Buffer(address.value, buffer.size)

    def download(self, buffer: Buffer, first: int, size: int) -> bytes:
        content = (c_ubyte * size)()
        self.call("cuMemcpyDtoH_v2", content, c_uint64(buffer.address + first), c_size_t(size))
        return bytes(content)

    def free(self, *buffers: Buffer) -> None:
        for buffer in buffers:
            self.call("cuMemFree_v2", c_uint64(buffer.address))

    def tensor_map(self, kernel: Kernel, description, buffer: Buffer, rows: int):
        """A CUtensorMap, aligned to 64 bytes as it has to be. Coordinates count bytes of a row, then rows."""
        tensor = (kernel.operands + kernel.results)[description.operand]
        row_bytes = tensor.row_bytes()
        extent = rows if tensor.shape[0] is None else tensor.shape[0]
        room = (c_ubyte * 192)()
        start = -addressof(room) % 64
        found = (c_ubyte * 128).from_buffer(room, start)
        sizes, strides = (c_uint64 * 2)(row_bytes, extent), (c_uint64 * 1)(row_bytes)
        box, steps = (c_uint * 2)(description.row_bytes, description.rows), (c_uint * 2)(1, 1)
        self.call("cuTensorMapEncodeTiled", c_void_p(addressof(found)), c_int(BYTES), c_uint(2), c_uint64(buffer.address), sizes, strides, box,
                  steps, c_int(0), c_int(SWIZZLES[description.swizzle]), c_int(PROMOTE_256), c_int(0))
        return found

    def prepare(self, call: Call) -> Launch:
        return Launch(self, call)

    def launch(self, launch: Launch) -> None:
        self.call("cuLaunchKernelEx", byref(launch.config), launch.handle, launch.pointers, c_void_p())

    def synchronise(self) -> None:
        self.call("cuStreamSynchronize", c_void_p(self.stream))

    def graph(self, launches: list) -> "Graph":
        return self.record([functools.partial(self.launch, each) for each in launches])

    def record(self, actions: list) -> "Graph":
        """What is called here has to start its work on the driver's stream."""
        return Graph(self, actions)


class Graph:
    """Actions one after the other, in a form that costs the processor nothing for each, between two events."""

    def __init__(self, driver: CudaDriver, actions: list):
        self.driver, self.stream = driver, c_void_p(driver.stream)
        self.ready, self.start, self.end = c_void_p(), c_void_p(), c_void_p()
        graph = c_void_p()
        for event in (self.start, self.end):
            driver.call("cuEventCreate", byref(event), c_uint(0))
        driver.call("cuStreamBeginCapture_v2", self.stream, c_int(RELAXED_CAPTURE))
        for action in actions:
            action()
        driver.call("cuStreamEndCapture", self.stream, byref(graph))
        driver.call("cuGraphInstantiateWithFlags", byref(self.ready), graph, c_uint64(0))
        driver.call("cuGraphDestroy", graph)

    def run(self) -> float:
        """Seconds of all of them."""
        elapsed = c_float()
        self.driver.call("cuEventRecord", self.start, self.stream)
        self.driver.call("cuGraphLaunch", self.ready, self.stream)
        self.driver.call("cuEventRecord", self.end, self.stream)
        self.driver.call("cuEventSynchronize", self.end)
        self.driver.call("cuEventElapsedTime", byref(elapsed), self.start, self.end)
        return elapsed.value / 1000

    def close(self) -> None:
        self.driver.call("cuGraphExecDestroy", self.ready)
        for event in (self.start, self.end):
            self.driver.call("cuEventDestroy_v2", event)
