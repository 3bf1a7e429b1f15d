// The parts of kernels that quantize to 4-bit floats, in their order.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_120a -canonicalize -cse | FileCheck %s
// RUN: not qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_90a -o /dev/null 2>&1 | FileCheck %s --check-prefix=REFUSED

// Lanes in pairs share a block of 16; four codes come from two conversions, and scales lie in tiles of 128 rows.

// REFUSED: 'qk.quantize_blocks' op needs fp4 conversion (cvt.rn.satfinite.e2m1x2), which sm_90a does not have; it is there on sm_100a, sm_120a; elsewhere: no kernel is emitted, and the interpreter runs it
// REFUSED-NOT: tensor_scale' op
// CHECK-LABEL: func.func @fractions
func.func @fractions(%x: tensor<?x96xf16>, %t: tensor<1xf32>) -> tensor<?x96xf4E2M1FN> {
  // CHECK: qk.launch "quantize_nvfp4_k96"(%{{.*}}) sizes [0, 0] rows_of_results [1, 128] geometry {sm_120a = #qk.geometry<columns = 1, tile_rows = 4, threads = 128, shared = 0>} :
  %codes, %scales = qk.quantize_blocks %x tensor_scale(%t) : (tensor<?x96xf16>, tensor<1xf32>) -> tensor<?x96xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>
  return %codes : tensor<?x96xf4E2M1FN>
}
// CHECK: llvm.func @quantize_nvfp4_k96(%{{.*}}, %[[T:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[CODES:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}
// CHECK: %[[TENSOR:.*]] = llvm.load %[[T]] invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK-COUNT-1: nvvm.shfl.sync bfly
// CHECK: %[[RANGE:.*]] = arith.divf %{{.*}}, %cst{{.*}} : f32
// CHECK: %[[HELD:.*]] = arith.maxnumf %[[RANGE]]
// CHECK: %[[SCALE:.*]] = arith.divf %[[HELD]], %[[TENSOR]]
// CHECK: %[[LEAST:.*]] = arith.maxnumf %[[SCALE]]
// CHECK: nvvm.convert.f32x2.to.f8x2 %{{.*}}, %[[LEAST]] {rnd = #nvvm.fp_rnd_mode<rn>, sat = #nvvm.sat_mode<satfinite>} : i16(f8E4M3FN)
// CHECK: llvm.store %{{.*}} {alignment = 1 : i64} : i8, !llvm.ptr<1>
// One division for the block; of each quotient the remainder is exact.
// CHECK: arith.divf
// CHECK-NOT: arith.divf
// CHECK-COUNT-4: nvvm.convert.f32x2.to.f4x2 %{{.*}}, %{{.*}} : i8(f4E2M1FN)
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<1>
// The tile behind the last row is filled up.
// CHECK: arith.cmpi eq
// CHECK: scf.for
// CHECK: llvm.store %c0_i32, %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<1>

// -----

// Powers of two are made of exponents, and multiply.

// CHECK-LABEL: func.func @powers
func.func @powers(%x: tensor<?x4096xf16>) -> tensor<?x4096xf4E2M1FN> {
  // CHECK: qk.launch "quantize_mxfp4_k4096"(%{{.*}}) sizes [0, 0] rows_of_results [1, 128] geometry {sm_120a = #qk.geometry<columns = 1, tile_rows = 1, threads = 256, shared = 160>} :
  %codes, %scales = qk.quantize_blocks %x : (tensor<?x4096xf16>) -> tensor<?x4096xf4E2M1FN>, tensor<?x32x512xf8E8M0FNU>
  return %codes : tensor<?x4096xf4E2M1FN>
}
// CHECK: llvm.func @quantize_mxfp4_k4096
// CHECK-NOT: arith.divf
// CHECK-NOT: nvvm.barrier
// CHECK: llvm.return

// -----

// Every target has what finds a scale. Rows leave their largest magnitude, the last block to arrive makes one of them and sets the
// count to zero again.

// CHECK-LABEL: func.func @scale
func.func @scale(%x: tensor<?x96xf16>, %a: tensor<1xi32>) -> tensor<1xf32> {
  // CHECK: qk.launch "tensor_scale_k96"(%{{.*}}, %{{.*}}) sizes [0, 0] in_place [2, 1] geometry {sm_120a = #qk.geometry<columns = 1, tile_rows = 4, threads = 128, shared = 20>} :
  %t, %maxima, %free = qk.tensor_scale %x arrivals(%a) : (tensor<?x96xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return %t : tensor<1xf32>
}
// CHECK: llvm.func @tensor_scale_k96(%{{[a-z0-9]+}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[COUNT:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}
// CHECK-SAME: %[[T:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}, %[[MAXIMA:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}
// CHECK: nvvm.redux.sync max
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
// CHECK: nvvm.barrier0
// CHECK: llvm.atomicrmw add %[[COUNT]], %{{.*}} syncscope("device") acq_rel
// CHECK: nvvm.barrier0
// CHECK: scf.if
// CHECK: scf.for
// CHECK: nvvm.redux.sync max
// CHECK: %[[SCALE:.*]] = arith.maxnumf
// CHECK: llvm.store %[[SCALE]], %[[T]]
// CHECK: llvm.store %c0_i32, %[[COUNT]]
