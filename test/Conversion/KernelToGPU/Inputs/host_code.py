# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Functions of kernels, compiled with their host code by MLIR's own passes, and run by mlir-runner with the emulator as the device."""
import pathlib
import re
import subprocess

import numpy as np

LOWERING = ("func.func(gpu-async-region),convert-scf-to-cf,gpu-to-llvm,convert-cf-to-llvm,finalize-memref-to-llvm,convert-index-to-llvm,"
            "convert-arith-to-llvm,convert-func-to-llvm,reconcile-unrealized-casts")
MEMREF = re.compile(r"memref<((?:[?\d]+x)*)(\w+)>")
TYPES = {"i8": np.int8, "i16": np.int16, "i32": np.int32, "f16": np.float16, "f32": np.float32}
BITS = {1: "i8", 2: "i16", 4: "i32"}


def signature(text: str, name: str):
    """Types of the arguments and results of a function of memrefs, as pairs of a shape (-1 for dynamic) and an element type."""
    line = next(line for line in text.splitlines() if re.search(rf"func\.func @{name}\(", line))
    types = lambda part: [([-1 if size == "?" else int(size) for size in shape.split("x")[:-1]], element)  # noqa: E731
                          for shape, element in MEMREF.findall(part)]
    before, _, behind = line.partition(" -> ")
    return types(before), types(behind)


def memref(shape: list, element: str) -> str:
    return "memref<" + "".join(f"{'?' if size < 0 else size}x" for size in shape) + element + ">"


class MainFunction:
    """Text of a @main that copies constants to the device, calls a function once, and prints all bits of its results, a number a line."""

    def __init__(self, name: str, arguments: list, results: list):
        self.name, self.arguments, self.results = name, arguments, results
        self.globals, self.lines = [], ["%zero = arith.constant 0 : index", "%step = arith.constant 1 : index"]

    def upload(self, index: int, value: np.ndarray):
        shape, element = self.arguments[index]
        fixed, given = memref(list(value.shape), element), memref(shape, element)
        self.globals.append(f'memref.global "private" constant @input{index} : {fixed} = '
                            f'dense<"0x{value.tobytes().hex()}"> {{alignment = 64 : i64}}')
        self.lines += [f"%host{index} = memref.get_global @input{index} : {fixed}", f"%fixed{index} = gpu.alloc () : {fixed}",
                       f"gpu.memcpy %fixed{index}, %host{index} : {fixed}, {fixed}"]
        self.lines.append(f"%device{index} = memref.cast %fixed{index} : {fixed} to {given}")

    def download(self, index: int):
        """The result on the host, element after element."""
        shape, element = self.results[index]
        kind, copied = memref(shape, element), f"%copy{index}"
        sizes, rank = [], len(shape)
        for i in range(rank):
            self.lines += [f"%axis{index}_{i} = arith.constant {i} : index", f"%size{index}_{i} = memref.dim %result{index}, %axis{index}_{i} : {kind}"]
            sizes += [f"%size{index}_{i}"] if shape[i] < 0 else []
        self.lines += [f"{copied} = memref.alloc({', '.join(sizes)}) : {kind}", f"gpu.memcpy {copied}, %result{index} : {kind}, {kind}"]
        self.lines += [f"scf.for %i{i} = %zero to %size{index}_{i} step %step {{" for i in range(rank)]
        places = ", ".join(f"%i{i}" for i in range(rank))
        self.lines.append(f"%element = memref.load {copied}[{places}] : {kind}")
        bits = BITS[np.dtype(TYPES[element]).itemsize]
        if element != bits:
            self.lines.append(f"%bits = arith.bitcast %element : {element} to {bits}")
        self.lines += [f"%wide = arith.extsi {'%element' if element == bits else '%bits'} : {bits} to i64",
                       "func.call @printI64(%wide) : (i64) -> ()", "func.call @printNewline() : () -> ()", *"}" * rank]

    def text(self, values: list) -> str:
        for index, value in enumerate(values):
            self.upload(index, value)
        names = [f"%device{i}" for i in range(len(values))]
        types = [memref(*each) for each in self.arguments]
        kinds = [memref(*each) for each in self.results]
        self.lines.append(f"{', '.join(f'%result{i}' for i in range(len(kinds)))} = func.call @{self.name}({', '.join(names)}) : "
                          f"({', '.join(types)}) -> ({', '.join(kinds)})")
        for index in range(len(kinds)):
            self.download(index)
        return "\n".join(["func.func private @printI64(i64)", "func.func private @printNewline()", *self.globals,
                          "func.func @main() {", *self.lines, "return", "}"])


def run_host_code(folder: pathlib.Path, module: str, name: str, values: list, runtime: str, libraries: str) -> np.ndarray:
    """Results of a function of a module of kernels and host code, embedded for the emulator, as their bits. `values` are as the memrefs
    have them."""
    arguments, results = signature(module, name)
    main = MainFunction(name, arguments, results).text(values)
    (folder / "host.mlir").write_text(module.rstrip().removesuffix("}") + main + "\n}\n")
    subprocess.run(["mlir-opt", "host.mlir", f"--pass-pipeline=builtin.module({LOWERING})", "-o", "llvm.mlir"], check=True, cwd=folder)
    shared = f"-shared-libs={runtime},{libraries}/libmlir_runner_utils.so,{libraries}/libmlir_c_runner_utils.so"
    done = subprocess.run(["mlir-runner", "llvm.mlir", "-e", "main", "-entry-point-result=void", shared], check=True, cwd=folder,
                          stdout=subprocess.PIPE, text=True)
    return np.array(done.stdout.split(), np.int64)
