// The parts of a kernel, each where it differs from kernel to kernel.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_80 -canonicalize -cse | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_90a -canonicalize -cse | FileCheck %s --check-prefix=HOPPER

// Eight bits on both sides: a ring of three stages in external shared memory, matrix loads, and sums that are converted once.

// CHECK-LABEL: func.func @w8a8
func.func @w8a8(%x: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) -> tensor<?x64xf16> {
  // CHECK: qk.launch "linear_int8_int8_n64_k128"(%{{.*}}) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 32, threads = 64, shared = 18432>} :
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}
// CHECK: gpu.module @sm_80 [#nvvm.target<chip = "sm_80", features = "+ptx70">]
// CHECK: llvm.mlir.global external @qk_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK: llvm.func @linear_int8_int8_n64_k128(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %[[W:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}
// CHECK-SAME: %[[Y:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias}, %[[M:[a-z0-9]+]]: i32)
// CHECK-SAME: nvvm.kernel, nvvm.maxntid = array<i32: 64>
// Rows beyond m are zeros; rows of the weight are all there.
// CHECK: %[[INSIDE:.*]] = arith.cmpi slt, %{{.*}}, %[[M]]
// CHECK: nvvm.cp.async.shared.global %{{.*}}, %{{.*}}, 16, cache =  cg, %{{.*}} :
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.cp.async.commit.group
// CHECK-NOT: nvvm.cp.async.commit.group
// CHECK: %[[LOOP:.*]]:33 = scf.for
// CHECK-NEXT: nvvm.cp.async.wait.group 1
// CHECK-NEXT: nvvm.barrier0
// CHECK: nvvm.ldmatrix
// CHECK: nvvm.cp.async.commit.group
// CHECK: nvvm.mma.sync {{.*}}intOverflowBehavior = #nvvm.mma_int_overflow<wrapped>{{.*}}multiplicandAPtxType = #nvvm.mma_type<s8>{{.*}}shape = #nvvm.shape<m = 16, n = 8, k = 32>
// CHECK: scf.yield
// CHECK-NEXT: } {loop_annotation
// CHECK-NEXT: nvvm.cp.async.wait.group 0
// CHECK: scf.if
// CHECK: arith.sitofp %[[LOOP]]#0
// CHECK: arith.truncf
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : vector<2xf16>, !llvm.ptr<1>

// -----

// Four bits beside eight: a vector load of fragments, and 16 times each code by a shift and two masks. The factor goes when
// the sum is complete.

// CHECK-LABEL: llvm.func @linear_int8_int4_n64_k128
// CHECK: scf.for
// CHECK: %[[VECTOR:.*]] = llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: %[[WORD:.*]] = llvm.extractelement %[[VECTOR]]
// CHECK: %[[UP:.*]] = arith.shli %[[WORD]], %c4_i32
// CHECK: %[[LOW:.*]] = arith.andi %[[UP]], %c-252645136_i32
// CHECK: %[[HIGH:.*]] = arith.andi %[[WORD]], %c-252645136_i32
// CHECK: nvvm.mma.sync A[{{.*}}] B[%[[LOW]], %[[HIGH]]]
// CHECK: scf.yield
// CHECK: arith.shrsi %{{.*}}, %c4_i32
func.func @w4a8(%x: tensor<?x128xi8>, %w: tensor<4x2x512xi8>, %sx: tensor<?xf32>, %sw: tensor<64xf32>) -> tensor<?x64xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x128xi8>, tensor<4x2x512xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// -----

// Four bits on both sides, in groups: products of half bytes where the target has them, else of bytes. The sums of a group
// begin at the bits of 1.5 * 2^23, which stay in registers, are floats after one subtraction, and are scaled into floats.

// CHECK-LABEL: llvm.func @linear_int4_int4_n64_k256_g128
// HOPPER-LABEL: llvm.func @linear_int4_int4_n64_k256_g128
// CHECK-DAG: %[[BITS:.*]] = arith.constant 1262485504 : i32
// CHECK-DAG: %[[OFFSET:.*]] = arith.constant 0x4B400000 : f32
// CHECK-COUNT-4: arith.addi %{{.*}}, %[[BITS]]
// CHECK: scf.for
// CHECK: llvm.load %{{.*}} invariant {alignment = 8 : i64} : !llvm.ptr<1> -> vector<2xf32>
// CHECK: nvvm.mma.sync {{.*}}#nvvm.mma_type<s4>{{.*}}#nvvm.mma_type<s4>{{.*}}k = 64
// CHECK: %[[FLOAT:.*]] = arith.bitcast %{{.*}} : i32 to f32
// CHECK: %[[SUM:.*]] = arith.subf %[[FLOAT]], %[[OFFSET]]
// CHECK: llvm.intr.fma(%[[SUM]],
// CHECK-NOT: arith.sitofp
// HOPPER-NOT: k = 64
// HOPPER: nvvm.mma.sync {{.*}}#nvvm.mma_type<s8>{{.*}}#nvvm.mma_type<s8>{{.*}}k = 32
func.func @w4a4(%x: tensor<?x256xi4>, %w: tensor<64x256xi4>, %sx: tensor<?xf32>, %sw: tensor<2x64xf32>) -> tensor<?x64xf32> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [32, 64, 128], warps = [1, 2], stages = 3>)
      : (tensor<?x256xi4>, tensor<64x256xi4>, tensor<?xf32>, tensor<2x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Neighbouring columns are stored one by one where a row may begin at an odd one, and only those inside.

// CHECK-LABEL: llvm.func @linear_int8_int8_n33_k128
// CHECK: scf.if
// CHECK: scf.if
// CHECK: llvm.store %{{.*}} {alignment = 2 : i64} : bf16, !llvm.ptr<1>
func.func @ragged(%x: tensor<?x128xi8>, %w: tensor<33x128xi8>, %sx: tensor<?xf32>, %sw: tensor<33xf32>) -> tensor<?x33xbf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>)
      : (tensor<?x128xi8>, tensor<33x128xi8>, tensor<?xf32>, tensor<33xf32>) -> tensor<?x33xbf16>
  return %0 : tensor<?x33xbf16>
}

// -----

// Operations that differ in the number of rows share a kernel; with a bias it is another one.

// CHECK-LABEL: func.func @shared
// CHECK: qk.launch "linear_int8_int8_n64_k128"
// CHECK: qk.launch "linear_int8_int8_n64_k128"
// CHECK: qk.launch "linear_int8_int8_n64_k128_1"
// CHECK-COUNT-2: llvm.func
// CHECK-NOT: llvm.func
func.func @shared(%x: tensor<7x128xi8>, %z: tensor<?x128xi8>, %w: tensor<64x128xi8>, %sx: tensor<7xf32>, %sz: tensor<?xf32>,
                  %sw: tensor<64xf32>) -> (tensor<7x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>) {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>)
      : (tensor<7x128xi8>, tensor<64x128xi8>, tensor<7xf32>, tensor<64xf32>) -> tensor<7x64xf16>
  %1 = qk.linear %z, %w scales(%sz, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  %2 = qk.linear %z, %w scales(%sz, %sw) bias(%sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [32, 64, 64], warps = [1, 2], stages = 3>)
      : (tensor<?x128xi8>, tensor<64x128xi8>, tensor<?xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0, %1, %2 : tensor<7x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>
}
