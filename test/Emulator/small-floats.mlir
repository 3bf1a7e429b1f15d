// Products of small floats: with scales of blocks, one instruction of each kind, and 8-bit floats in inline PTX, which NVVM has no
// operation for. All elements are one, so a sum counts them; scales are two and four where the instruction looks for them.

// RUN: rm -rf %t && split-file %s %t
// RUN: qllm-emu %t/kernel.mlir --launch=%t/launch.json --arch=sm_120a | FileCheck %s
// RUN: od -An -v -tf4 -w16 -N16 %t/out.bin | FileCheck %s --check-prefix=LANE0
// RUN: od -An -v -tf4 -w16 -j496 %t/out.bin | FileCheck %s --check-prefix=LANE31
// CHECK: sums: 32 threads, 4 collectives, 24576 multiply-adds
// CHECK-NEXT: {{^}}clean
// LANE0: 512 256 192 33
// LANE31: 512 256 192 33

//--- launch.json
{"kernel": "sums", "block": [32], "arguments": [{"name": "OUT", "type": "f32", "shape": [32, 4], "output": "out.bin"}]}

//--- kernel.mlir
gpu.module @kernels {
  llvm.func @sums(%out: !llvm.ptr<1>) attributes {nvvm.kernel} {
    %zero = llvm.mlir.constant(0.0 : f32) : f32
    %one = llvm.mlir.constant(1.0 : f32) : f32
    %i0 = llvm.mlir.constant(0 : i16) : i16
    %i1 = llvm.mlir.constant(1 : i16) : i16
    %i2 = llvm.mlir.constant(2 : i16) : i16
    %i3 = llvm.mlir.constant(3 : i16) : i16
    %ones = llvm.mlir.constant(0x22222222 : i32) : i32 // e2m1
    %padded = llvm.mlir.constant(0x08080808 : i32) : i32 // e2m1 in the middle of bytes
    %wide = llvm.mlir.constant(0x38383838 : i32) : i32 // e4m3

    // 64 products, a scale of four on both sides, half of them zero: 32 * 16.
    %s4 = llvm.mlir.constant(0x00480048 : i32) : i32
    %d0 = nvvm.mma.block_scale A[%ones, %ones, %ones, %ones] B[%ones, %ones] C[%zero, %zero, %zero, %zero]
        scaleA[%s4, %i0, %i1] scaleB[%s4, %i0, %i3]
        {shape = #nvvm.shape<m = 16, n = 8, k = 64>, multiplicandAPtxType = #nvvm.mma_type<e2m1>, multiplicandBPtxType = #nvvm.mma_type<e2m1>,
         scaleVecSize = #nvvm.scale_vec_size<x4>, blockScaleFormat = #nvvm.block_scale_format<ue4m3>, kind = #nvvm.block_scale_kind<mxf4nvf4>}
        : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>

    // The upper half of the word: two and two.
    %s2 = llvm.mlir.constant(0x80800000 : i32) : i32
    %d1 = nvvm.mma.block_scale A[%ones, %ones, %ones, %ones] B[%ones, %ones] C[%zero, %zero, %zero, %zero]
        scaleA[%s2, %i2, %i0] scaleB[%s2, %i2, %i2]
        {shape = #nvvm.shape<m = 16, n = 8, k = 64>, multiplicandAPtxType = #nvvm.mma_type<e2m1>, multiplicandBPtxType = #nvvm.mma_type<e2m1>,
         scaleVecSize = #nvvm.scale_vec_size<x2>, blockScaleFormat = #nvvm.block_scale_format<ue8m0>, kind = #nvvm.block_scale_kind<mxf4>}
        : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>

    // 32 products of e4m3 by e2m1; byte 3 has two, byte 1 has four, and the sum begins at -64.
    %start = llvm.mlir.constant(-64.0 : f32) : f32
    %s1 = llvm.mlir.constant(0x80008100 : i32) : i32
    %d2 = nvvm.mma.block_scale A[%wide, %wide, %wide, %wide] B[%padded, %padded] C[%start, %start, %start, %start]
        scaleA[%s1, %i3, %i0] scaleB[%s1, %i1, %i1]
        {shape = #nvvm.shape<m = 16, n = 8, k = 32>, multiplicandAPtxType = #nvvm.mma_type<e4m3>, multiplicandBPtxType = #nvvm.mma_type<e2m1>,
         scaleVecSize = #nvvm.scale_vec_size<x1>, blockScaleFormat = #nvvm.block_scale_format<ue8m0>, kind = #nvvm.block_scale_kind<mxf8f6f4>}
        : (i32, i32, f32) -> !llvm.struct<(f32, f32, f32, f32)>

    // 32 products and one.
    %d3 = llvm.inline_asm "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};",
        "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f" %wide, %wide, %wide, %wide, %wide, %wide, %one, %one, %one, %one
        : (i32, i32, i32, i32, i32, i32, f32, f32, f32, f32) -> !llvm.struct<(f32, f32, f32, f32)>

    %lane = nvvm.read.ptx.sreg.laneid : i32
    %place = llvm.getelementptr %out[%lane, 0] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, !llvm.array<4 x f32>
    %r0 = llvm.extractvalue %d0[0] : !llvm.struct<(f32, f32, f32, f32)>
    %r1 = llvm.extractvalue %d1[1] : !llvm.struct<(f32, f32, f32, f32)>
    %r2 = llvm.extractvalue %d2[2] : !llvm.struct<(f32, f32, f32, f32)>
    %r3 = llvm.extractvalue %d3[3] : !llvm.struct<(f32, f32, f32, f32)>
    %v0 = llvm.mlir.poison : vector<4xf32>
    %c0 = llvm.mlir.constant(0 : i32) : i32
    %c1 = llvm.mlir.constant(1 : i32) : i32
    %c2 = llvm.mlir.constant(2 : i32) : i32
    %c3 = llvm.mlir.constant(3 : i32) : i32
    %v1 = llvm.insertelement %r0, %v0[%c0 : i32] : vector<4xf32>
    %v2 = llvm.insertelement %r1, %v1[%c1 : i32] : vector<4xf32>
    %v3 = llvm.insertelement %r2, %v2[%c2 : i32] : vector<4xf32>
    %v4 = llvm.insertelement %r3, %v3[%c3 : i32] : vector<4xf32>
    llvm.store %v4, %place : vector<4xf32>, !llvm.ptr<1>
    llvm.return
  }
}
