// The parts of a kernel that quantizes, in their order.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_80 -canonicalize -cse | FileCheck %s

// Four rows to a block, a warp each: 16 bytes to a load, a reduction of the bits of magnitudes in the warp, and nothing in
// shared memory. Only a third of the last load's lanes have a piece of the row.

// CHECK-LABEL: func.func @warp
func.func @warp(%x: tensor<?x576xf16>) -> tensor<?x576xi8> {
  // CHECK: qk.launch "quantize_int8_k576"(%{{.*}}) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 4, threads = 128, shared = 0>} :
  %codes, %scales = qk.quantize %x format(#qllm.int<8>) : (tensor<?x576xf16>) -> tensor<?x576xi8>, tensor<?xf32>
  return %codes : tensor<?x576xi8>
}
// CHECK: llvm.func @quantize_int8_k576(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[CODES:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}
// CHECK-SAME: %[[SCALES:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}, %[[M:[a-z0-9]+]]: i32)
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 128>
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %[[M]]
// CHECK: scf.if %[[INSIDE]]
// CHECK-COUNT-3: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<8xf16>
// CHECK-NOT: llvm.load
// CHECK: nvvm.redux.sync max
// CHECK: arith.divf %{{.*}}, %cst{{.*}} : f32
// CHECK: %[[SCALE:.*]] = arith.maxnumf
// CHECK: llvm.store %[[SCALE]], %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
// One division for the row; of each quotient the remainder is exact.
// CHECK: %[[RECIPROCAL:.*]] = arith.divf %{{.*}}, %[[SCALE]]
// CHECK: %[[REST:.*]] = arith.mulf %{{.*}}, %[[RECIPROCAL]]
// CHECK-NOT: arith.divf
// CHECK: %[[LOW:.*]] = arith.mulf %[[ELEMENT:.*]], %[[REST]]
// CHECK: %[[FIRST:.*]] = llvm.intr.fma(%[[ELEMENT]], %[[RECIPROCAL]], %[[LOW]])
// CHECK: %[[REMAINDER:.*]] = llvm.intr.fma(%[[FIRST]], %{{.*}}, %[[ELEMENT]])
// CHECK: %[[STEP:.*]] = llvm.intr.fma(%[[REMAINDER]], %[[RECIPROCAL]], %[[FIRST]])
// An own range has no codes outside.
// CHECK-NOT: arith.maxnumf
// CHECK: %[[ROUNDED:.*]] = arith.addf %[[STEP]], %cst
// CHECK: arith.bitcast %[[ROUNDED]]
// CHECK: nvvm.prmt
// CHECK: llvm.store %{{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<1>
// CHECK-NOT: nvvm.barrier

// -----

// A row of eight warps: sums and ranges meet in shared memory, with a barrier for each. The stream is stored before the norm.

// CHECK-LABEL: func.func @norm
func.func @norm(%x: tensor<?x4096xf16>, %r: tensor<?x4096xf16>, %w: tensor<4096xf16>) -> tensor<?x4096xf16> {
  // CHECK: qk.launch "quantize_int4_rms_k4096"(%{{.*}}) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 256, shared = 160>} :
  %codes, %scales, %sums, %stream = qk.quantize %x residual(%r) norm rms(%w) epsilon 1.0e-5 format(#qllm.int<4>)
      : (tensor<?x4096xf16>, tensor<?x4096xf16>, tensor<4096xf16>)
     -> tensor<?x4096xi4>, tensor<?xf32> sums tensor<?xi32> stream tensor<?x4096xf16>
  return %stream : tensor<?x4096xf16>
}
// CHECK: llvm.func @quantize_int4_rms_k4096
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xf16>, !llvm.ptr<1>
// CHECK: llvm.intr.fma
// CHECK-COUNT-5: nvvm.shfl.sync bfly
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: llvm.call_intrinsic "llvm.nvvm.sqrt.rn.f"
// CHECK: nvvm.redux.sync max
// CHECK: nvvm.barrier0
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<1>
// CHECK: nvvm.redux.sync add

// -----

// Groups are combined among their lanes. Zero points are those of the range, at most as large as their type.

// CHECK-LABEL: func.func @groups
func.func @groups(%x: tensor<?x256xf32>) -> tensor<?x256xui8> {
  %codes, %scales, %zero_points = qk.quantize %x format(#qllm.int<8, asymmetric>) group 32
      : (tensor<?x256xf32>) -> tensor<?x256xui8>, tensor<?x8xf32> zero_points tensor<?x8xi16>
  return %codes : tensor<?x256xui8>
}
// CHECK: llvm.func @quantize_uint8_k256_g32
// CHECK-COUNT-2: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK-NOT: nvvm.redux.sync
// CHECK-COUNT-4: nvvm.shfl.sync bfly
// CHECK: llvm.store %{{.*}} {alignment = 2 : i64} : i16, !llvm.ptr<1>

// -----

// Elements that change places go through shared memory, once.

// CHECK-LABEL: func.func @gather
func.func @gather(%x: tensor<?x256xf16>, %g: tensor<?x256xf16>, %i: tensor<320xi32>, %o: tensor<320xf32>)
    -> tensor<?x320xi4> {
  // CHECK: tile_rows = 4, threads = 128, shared = 4224>
  %codes, %scales = qk.quantize %x gate(%g) gather(%i) format(#qllm.int<4>) rounding_offsets(%o)
      : (tensor<?x256xf16>, tensor<?x256xf16>, tensor<320xi32>, tensor<320xf32>) -> tensor<?x320xi4>, tensor<?xf32>
  return %codes : tensor<?x320xi4>
}
// CHECK: llvm.func @quantize_int4_silu_k256
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
// CHECK: llvm.call_intrinsic "llvm.nvvm.rcp.approx.ftz.f"
// CHECK: llvm.store %{{.*}} : {{.*}}, !llvm.ptr<3>
// CHECK: nvvm.bar.warp.sync
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> f32
// Offsets can lead outside of the codes.
// CHECK: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xf32>
// CHECK: %[[MOVED:.*]] = arith.addf
// CHECK: %[[LOW:.*]] = arith.maxnumf %[[MOVED]]
// CHECK: arith.minnumf %[[LOW]]

// -----

// Sums and differences in a thread, by shuffles in a warp, and in shared memory beyond that; then the scale of the matrix.

// CHECK-LABEL: func.func @rotate
func.func @rotate(%x: tensor<?x2048xf16>) -> tensor<?x2048xi8> {
  // CHECK: threads = 128, shared = 8272>
  %codes, %scales = qk.quantize %x hadamard 2048 format(#qllm.int<8>) : (tensor<?x2048xf16>) -> tensor<?x2048xi8>, tensor<?xf32>
  return %codes : tensor<?x2048xi8>
}
// CHECK: llvm.func @quantize_int8_k2048
// CHECK: arith.addf
// CHECK: arith.subf
// CHECK: nvvm.shfl.sync bfly
// CHECK: llvm.intr.fma
// CHECK-NOT: nvvm.barrier
// CHECK: llvm.store %{{.*}}, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK: llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// CHECK: arith.addf
// CHECK: llvm.store %{{.*}}, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK: %[[MOVED:.*]] = llvm.load %{{.*}} : !llvm.ptr<3> -> f32
// CHECK: arith.mulf %[[MOVED]], %cst

// -----

// A principal part: rows, each a multiple of a power of two, meet in shared memory; products of three bytes, of 32 directions at a time;
// parts of warps are added, rounded to codes, and taken off by products again; then the rows are quantized. A block has as many rows as fit.

// CHECK-LABEL: func.func @principal
func.func @principal(%x: tensor<?x4096xf32>, %p: tensor<4x128x512xi8>, %t: tensor<256x2x512xi8>, %s: tensor<64xf32>) -> tensor<?x64xi8> {
  // CHECK: qk.launch "quantize_int4_k4096_r64"{{.*}} tile_rows = 4, threads = 256, shared = 78240>
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<4>)
      : (tensor<?x4096xf32>, tensor<4x128x512xi8>, tensor<256x2x512xi8>, tensor<64xf32>)
     -> tensor<?x4096xi4>, tensor<?xf32> principal tensor<?x64xi8>, tensor<?xf32>
  return %0#2 : tensor<?x64xi8>
}
// CHECK: llvm.func @quantize_int4_k4096_r64
// CHECK: scf.for
// CHECK: llvm.intr.fma
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK: scf.for
// CHECK: scf.for
// CHECK: nvvm.prmt
// CHECK-COUNT-4: nvvm.mma.sync {{.*}} multiplicandAPtxType = #nvvm.mma_type<s8>, multiplicandBPtxType = #nvvm.mma_type<u8>
// CHECK-NOT: scf.for
// CHECK: nvvm.barrier0
// CHECK: nvvm.barrier0
// CHECK: llvm.store %{{.*}} {alignment = 1 : i64} : i8, !llvm.ptr<1>
// CHECK: nvvm.barrier0
// CHECK: scf.for
// CHECK-COUNT-6: nvvm.mma.sync
// CHECK-NOT: sitofp
// CHECK: nvvm.barrier0
// CHECK: scf.for
// CHECK: nvvm.redux.sync max
