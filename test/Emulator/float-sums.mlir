// One f16 product of sixteen times 2^-25 added to one. Before Hopper a product so far below the accumulator is cut off;
// Hopper keeps one bit more, and an exact sum everything.

// RUN: rm -rf %t && split-file %s %t
// RUN: qllm-emu %t/kernel.mlir --launch=%t/launch.json && od -An -tx4 -N8 %t/out.bin | FileCheck %s --check-prefix=AMPERE
// RUN: qllm-emu %t/kernel.mlir --launch=%t/launch.json --arch=sm_90a && od -An -tx4 -N8 %t/out.bin | FileCheck %s --check-prefix=HOPPER
// RUN: qllm-emu %t/kernel.mlir --launch=%t/launch.json --exact-sums && od -An -tx4 -N8 %t/out.bin | FileCheck %s --check-prefix=HOPPER
// AMPERE: 3f800000 3f800000
// HOPPER: 3f800004 3f800004

//--- launch.json
{"kernel": "sum", "block": [32], "arguments": [{"name": "OUT", "type": "f32", "shape": [32], "output": "out.bin"}]}

//--- kernel.mlir
gpu.module @kernels {
  llvm.func @sum(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %a = llvm.mlir.constant(dense<0x0C00> : vector<2xf16>) : vector<2xf16> // 2^-12
    %b = llvm.mlir.constant(dense<0x0800> : vector<2xf16>) : vector<2xf16> // 2^-13
    %one = llvm.mlir.constant(1.0 : f32) : f32
    %lane = nvvm.read.ptx.sreg.laneid : i32
    %d = nvvm.mma.sync A[%a, %a, %a, %a] B[%b, %b] C[%one, %one, %one, %one]
        {layoutA = #nvvm.mma_layout<row>, layoutB = #nvvm.mma_layout<col>, shape = #nvvm.shape<m = 16, n = 8, k = 16>}
        : (vector<2xf16>, vector<2xf16>, f32) -> !llvm.struct<(f32, f32, f32, f32)>
    %first = llvm.extractvalue %d[0] : !llvm.struct<(f32, f32, f32, f32)>
    %place = llvm.getelementptr %out[%lane] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, f32
    llvm.store %first, %place : f32, !llvm.ptr<1>
    llvm.return
  }
}
