// Types and shapes of files, which have to agree with the description and with each other; and results beside what they have to
// be.

// RUN: rm -rf %t && split-file %s %t && %python %t/write.py %t
// DEFINE: %{launch} =
// DEFINE: %{emulate} = qllm-emu %t/kernels.mlir --launch=%t/%{launch}.json
// DEFINE: %{wrong} = not %{emulate} 2>&1 | FileCheck %s
// DEFINE: %{clean} = %{emulate} | FileCheck %s --check-prefix=CLEAN
// CLEAN: {{^clean$}}

// RUN: %python %t/launches.py %t i8.npy f32 2
// REDEFINE: %{launch} = input
// RUN: %{wrong} --check-prefix=TYPE
// TYPE: qllm-emu: 'input' of 'IN': '{{.*}}i8.npy': expected tensor<2xf32>, but got tensor<8xi8>
// RUN: %python %t/launches.py %t i8.npy i8 2 4
// RUN: %{wrong} --check-prefix=SHAPE
// SHAPE: qllm-emu: 'input' of 'IN': '{{.*}}i8.npy': expected tensor<2x4xi8>, but got tensor<8xi8>
// RUN: %python %t/launches.py %t i8.npy ui8 8
// RUN: %{wrong} --check-prefix=SIGN
// SIGN: expected tensor<8xui8>, but got tensor<8xi8>
// RUN: %python %t/launches.py %t i8.npy i8 8
// RUN: %{clean}
// RUN: %python %t/launches.py %t f16.npy i16 4
// RUN: %{wrong} --check-prefix=HALF
// HALF: expected tensor<4xi16>, but got tensor<4xf16>

// Bits of types that NumPy has no name for.
// RUN: %python %t/launches.py %t i8.npy f8E4M3FN 8
// RUN: %{clean}
// RUN: %python %t/launches.py %t i16.npy bf16 4
// RUN: %{clean}
// RUN: %python %t/launches.py %t void2.npy bf16 4
// RUN: %{clean}
// RUN: %python %t/launches.py %t void1.npy f8E5M2 8
// RUN: %{clean}
// RUN: %python %t/launches.py %t f16.npy bf16 4
// RUN: %{wrong} --check-prefix=BRAIN
// BRAIN: expected tensor<4xbf16>, but got tensor<4xf16>

// Raw bytes: the size must be right, and tensor maps count elements.
// RUN: %python %t/launches.py %t raw.bin f32 8 17
// RUN: %{wrong} --check-prefix=RAW
// RAW: qllm-emu: 'input' of 'IN': '{{.*}}raw.bin': expected the bytes of tensor<8x17xf32>, but got 512 bytes
// RUN: %python %t/launches.py %t raw.bin f32 8 16
// RUN: %{clean}
// REDEFINE: %{launch} = map
// RUN: %{clean}
// RUN: %python %t/launches.py %t raw.bin f64 8 8
// RUN: %{wrong} --check-prefix=WIDE
// WIDE: qllm-emu: tensor map 'MAP': expected rows of a box as wide as the swizzle of 32 bytes, but got 64

// Results: a file of the wrong kind is found before anything runs.
// REDEFINE: %{launch} = expect
// RUN: %python %t/launches.py %t f32.npy i32 2 2
// RUN: %{wrong} --check-prefix=KIND
// KIND: qllm-emu: 'expect' of 'OUT': '{{.*}}f32.npy': expected tensor<2x2xi32>, but got tensor<4xf32>
// RUN: %python %t/launches.py %t i32.npy i32 2 2
// RUN: %{wrong} --check-prefix=INTEGER
// INTEGER: result 'OUT': 3 of 4 elements are not as expected; the first is [0, 1]: expected -5, but got 1069547520
// INTEGER: {{^not clean$}}
// RUN: %python %t/launches.py %t i32.bin f32 2 2
// RUN: %{wrong} --check-prefix=FLOAT
// FLOAT: result 'OUT': 3 of 4 elements are not as expected; the first is [0, 1]: expected -nan, but got 1.5
// RUN: %python %t/launches.py %t i32.bin bf16 4 2
// RUN: %{wrong} --check-prefix=PART
// PART: result 'OUT': 6 of 8 elements are not as expected; the first is [1, 0]: expected -nan, but got 0{{$}}
// Two that are written alike.
// RUN: %python %t/launches.py %t nans.bin f32 4
// RUN: %{wrong} --check-prefix=NANS
// NANS: the first is [2]: expected 0x7fc00001, but got 0x7fc00000
// What is written does not change what is expected.
// REDEFINE: %{launch} = same
// RUN: %{wrong} --check-prefix=SAME
// SAME: result 'OUT': 1 of 4 elements are not as expected

// A kernel need not be named where there is one.
// RUN: not qllm-emu %t/kernels.mlir --launch=%t/unnamed.json 2>&1 | FileCheck %s --check-prefix=UNNAMED
// UNNAMED: qllm-emu: expected the name of a kernel; it has 'floats', 'read', 'map'
// RUN: qllm-emu %t/single.mlir --launch=%t/unnamed.json | FileCheck %s --check-prefix=SINGLE
// SINGLE: alone: 1 threads
// RUN: not qllm-emu %t/none.mlir --launch=%t/unnamed.json 2>&1 | FileCheck %s --check-prefix=NO-KERNEL
// NO-KERNEL: qllm-emu: expected the name of a kernel; it has none

//--- kernels.mlir
gpu.module @kernels {
  // 1.0, 1.5, a NaN and 2.0
  llvm.mlir.global internal constant @numbers(dense<[1065353216, 1069547520, 2143289344, 1073741824]> : tensor<4xi32>) {addr_space = 1 : i32, alignment = 16 : i64} : !llvm.array<4 x i32>
  llvm.func @floats(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %numbers = llvm.mlir.addressof @numbers : !llvm.ptr<1>
    %all = llvm.load %numbers {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
    llvm.store %all, %out {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
    llvm.return
  }
  llvm.func @read(%in: !llvm.ptr<1>) attributes {nvvm.kernel} {
    llvm.return
  }
  llvm.func @map(%in: !llvm.ptr<1>, %map: !llvm.ptr {llvm.byval = !llvm.array<128 x i8>, llvm.align = 64 : i64, nvvm.grid_constant}) attributes {nvvm.kernel} {
    llvm.return
  }
  llvm.func @function() {
    llvm.return
  }
}
//--- single.mlir
gpu.module @kernels {
  llvm.func @alone() attributes {nvvm.kernel} {
    llvm.return
  }
  llvm.func @function() {
    llvm.return
  }
}
//--- none.mlir
gpu.module @kernels {
}
//--- unnamed.json
{"arguments": []}
//--- write.py
import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
np.save(folder / "i8.npy", np.arange(8, dtype=np.int8))
np.save(folder / "void1.npy", np.arange(8, dtype=np.int8).view("V1"))
np.save(folder / "i16.npy", np.arange(4, dtype=np.int16))
np.save(folder / "void2.npy", np.arange(4, dtype=np.int16).view("V2"))
np.save(folder / "f16.npy", np.arange(4, dtype=np.float16))
np.save(folder / "f32.npy", np.arange(4, dtype=np.float32))
integers = np.array([[0x3F800000, -5], [1, 2]], np.int32)
np.save(folder / "i32.npy", integers)
integers.tofile(folder / "i32.bin")
np.array([0x3F800000, 0x3FC00000, 0x7FC00001, 0x40000000], np.int32).tofile(folder / "nans.bin")
np.zeros(512, np.uint8).tofile(folder / "raw.bin")
//--- launches.py
import json
import pathlib
import sys

folder, file, kind, *shape = sys.argv[1:]
layout = {"type": kind, "shape": [int(size) for size in shape]}
source = {"name": "IN", "input": file, **layout}
matrix_map = {"name": "MAP", "tensor_map": {"buffer": "IN", "box": [8, 2], "swizzle": 32}}
result = {"name": "OUT", "expect": file, **layout}
for name, kernel, arguments in (("input", "read", [source]), ("map", "map", [source, matrix_map]), ("expect", "floats", [result]),
                                ("same", "floats", [result | {"output": file}])):
    (pathlib.Path(folder) / f"{name}.json").write_text(json.dumps({"kernel": kernel, "arguments": arguments}))
