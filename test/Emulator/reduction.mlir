// Sums and maxima of rows, by shuffles inside a warp and shared memory between the warps, as a normalization does it.

// RUN: rm -rf %t && split-file %s %t
// RUN: %python %t/rows.py %t
// RUN: qllm-opt %t/kernel.mlir --pass-pipeline="builtin.module(gpu.module(convert-scf-to-cf,convert-gpu-to-nvvm,reconcile-unrealized-casts,canonicalize,cse))" -o %t/lowered.mlir
// RUN: qllm-emu %t/lowered.mlir --launch=%t/launch.json | FileCheck %s
// RUN: qllm-emu %t/lowered.mlir --launch=%t/launch.json --seed=7 | FileCheck %s
// RUN: qllm-emu %t/lowered.mlir --launch=%t/launch.json --json | FileCheck %s --check-prefix=JSON
// CHECK: rows: 1024 threads
// CHECK-NEXT: {{^}}clean
// JSON: "kernel": "rows"
// JSON: "clean": true
// JSON: "findings": []
// JSON: "memory": "global"
// JSON: "multiplyAdds": 0

//--- rows.py
import pathlib
import sys

import numpy as np

folder = pathlib.Path(sys.argv[1])
# Whole numbers, so that the order of a sum does not matter.
x = np.random.default_rng(0).integers(-100, 100, (8, 128)).astype(np.float32)
np.save(folder / "x.npy", x)
np.save(folder / "sum.npy", x.sum(axis=1))
np.save(folder / "max.npy", np.abs(x).max(axis=1).astype(np.int32))

//--- launch.json
{
  "kernel": "rows",
  "grid": [8],
  "block": [128],
  "arguments": [
    {"name": "x", "input": "x.npy"},
    {"name": "sum", "type": "f32", "shape": [8], "expect": "sum.npy"},
    {"name": "max", "type": "i32", "shape": [8], "expect": "max.npy"}
  ]
}

//--- kernel.mlir
gpu.module @kernels {
  llvm.mlir.global internal @sums() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<4 x f32>
  llvm.mlir.global internal @maxima() {addr_space = 3 : i32, alignment = 16 : i64} : !llvm.array<4 x i32>

  gpu.func @rows(%x: !llvm.ptr<1>, %sum: !llvm.ptr<1>, %max: !llvm.ptr<1>) kernel {
    %zero = arith.constant 0 : i32
    %one = arith.constant 1 : i32
    %two = arith.constant 2 : i32
    %four = arith.constant 4 : i32
    %eight = arith.constant 8 : i32
    %sixteen = arith.constant 16 : i32
    %clamp = arith.constant 31 : i32
    %all = arith.constant -1 : i32
    %row_size = arith.constant 128 : i32
    %none = arith.constant 0.0 : f32
    %sums = llvm.mlir.addressof @sums : !llvm.ptr<3>
    %maxima = llvm.mlir.addressof @maxima : !llvm.ptr<3>
    %thread = nvvm.read.ptx.sreg.tid.x : i32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %warp = nvvm.read.ptx.sreg.warpid : i32
    %row = nvvm.read.ptx.sreg.ctaid.x : i32
    %start = arith.muli %row, %row_size : i32
    %index = arith.addi %start, %thread : i32
    %address = llvm.getelementptr %x[%index] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    %value = llvm.load %address : !llvm.ptr<1> -> f32
    %negated = arith.negf %value : f32
    %absolute = arith.maximumf %value, %negated : f32
    %whole = arith.fptosi %absolute : f32 to i32

    // The sum of a warp by exchanges, its maximum by one instruction.
    %v16 = nvvm.shfl.sync bfly %all, %value, %sixteen, %clamp : f32 -> f32
    %s16 = arith.addf %value, %v16 : f32
    %v8 = nvvm.shfl.sync bfly %all, %s16, %eight, %clamp : f32 -> f32
    %s8 = arith.addf %s16, %v8 : f32
    %v4 = nvvm.shfl.sync bfly %all, %s8, %four, %clamp : f32 -> f32
    %s4 = arith.addf %s8, %v4 : f32
    %v2 = nvvm.shfl.sync bfly %all, %s4, %two, %clamp : f32 -> f32
    %s2 = arith.addf %s4, %v2 : f32
    %v1 = nvvm.shfl.sync bfly %all, %s2, %one, %clamp : f32 -> f32
    %warp_sum = arith.addf %s2, %v1 : f32
    %warp_max = nvvm.redux.sync max %whole, %all : i32 -> i32
    %leader = nvvm.elect.sync -> i1
    scf.if %leader {
      %sum_place = llvm.getelementptr %sums[%warp] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
      %max_place = llvm.getelementptr %maxima[%warp] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
      llvm.store %warp_sum, %sum_place : f32, !llvm.ptr<3>
      llvm.store %warp_max, %max_place : i32, !llvm.ptr<3>
    }
    nvvm.barrier0
    %is_first = arith.cmpi eq, %thread, %zero : i32
    scf.if %is_first {
      %total:2 = scf.for %i = %zero to %four step %one iter_args(%partial = %none, %largest = %zero) -> (f32, i32) : i32 {
        %sum_place = llvm.getelementptr %sums[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, f32
        %max_place = llvm.getelementptr %maxima[%i] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i32
        %one_sum = llvm.load %sum_place : !llvm.ptr<3> -> f32
        %one_max = llvm.load %max_place : !llvm.ptr<3> -> i32
        %next_sum = arith.addf %partial, %one_sum : f32
        %next_max = arith.maxsi %largest, %one_max : i32
        scf.yield %next_sum, %next_max : f32, i32
      }
      %sum_out = llvm.getelementptr %sum[%row] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
      %max_out = llvm.getelementptr %max[%row] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32
      llvm.store %total#0, %sum_out : f32, !llvm.ptr<1>
      llvm.store %total#1, %max_out : i32, !llvm.ptr<1>
    }
    gpu.return
  }
}
