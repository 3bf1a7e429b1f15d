// What is characteristic of kernels of floats and integer weights; what they compute is in weight-only-execution.test.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_80 | FileCheck %s

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

// A step is a mask and a mark for each word of a fragment, then an addition or a multiply-add, and the products.
// CHECK-LABEL: qk.launch "linear_f16_int4_n64_k128"
// CHECK-SAME: sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 16, threads = 64, shared = 12288>}
// CHECK-LABEL: llvm.func @linear_f16_int4_n64_k128
// CHECK-SAME: (%{{[^:]*}}: !llvm.ptr<1> {llvm.noalias, llvm.readonly}, %{{.*}} {llvm.noalias, llvm.readonly}, %{{.*}} {llvm.noalias, llvm.readonly}, %{{.*}} {llvm.noalias}, %[[ROWS:.*]]: i32)
// CHECK-DAG: %[[MARK:.*]] = arith.constant 1678271496 : i32
// CHECK-DAG: %[[MASK:.*]] = arith.constant 983055 : i32
// CHECK: %[[ZERO:.*]] = arith.shrsi %[[ROWS]]
// CHECK: %[[MAGIC:.*]] = arith.addi %[[ZERO]], %[[MARK]]
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 1
// CHECK: nvvm.barrier0
// CHECK: nvvm.ldmatrix
// CHECK: %[[MASKED:.*]] = arith.andi %{{.*}}, %[[MASK]]
// CHECK: %[[BITS:.*]] = arith.xori %[[MASKED]], %[[MAGIC]]
// CHECK: %[[FLOATS:.*]] = llvm.bitcast %[[BITS]] : i32 to vector<2xf16>
// CHECK: arith.addf %[[FLOATS]], %{{.*}} : vector<2xf16>
// CHECK: %[[SIXTEENTH:.*]] = arith.constant dense<6.250000e-02> : vector<2xf16>
// CHECK: llvm.intr.fma(%{{.*}}, %[[SIXTEENTH]], %{{.*}})
// CHECK: nvvm.mma.sync
// CHECK-SAME: (vector<2xf16>, vector<2xf16>, f32)
func.func @channels(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) -> tensor<?x64xf16> {
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>) layout(#fragments)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// -----

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

// Two blocks share three tiles of two steps: each has a whole tile and a part of one, and the count of arrivals, which is changed in place,
// orders what the blocks have stored.
// CHECK-LABEL: qk.launch "linear_f16_int4_n192_k128"
// CHECK-SAME: in_place [2, 3] geometry {sm_80 = #qk.geometry<columns = 2, tile_rows = 16, threads = 64,
// CHECK-LABEL: llvm.func @linear_f16_int4_n192_k128
// CHECK: %[[BLOCK:.*]] = nvvm.read.ptx.sreg.ctaid.y
// CHECK: scf.for
// CHECK: scf.for
// CHECK: scf.if %{{.*}} -> (i1, f32
// CHECK: nvvm.barrier0
// CHECK: %[[BEFORE:.*]] = llvm.atomicrmw add %{{.*}} syncscope("device") acq_rel
// CHECK: llvm.store %[[BEFORE]], %{{.*}} : i32, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK: scf.if %{{.*}} -> (f32
// CHECK: scf.for
// CHECK: llvm.load {{.*}} -> vector<2xf32>
// CHECK: llvm.store %{{.*}}, %{{.*}} : i32, !llvm.ptr<1>
func.func @stream_k(%x: tensor<?x128xf16>, %w: tensor<12x2x512xi8>, %s: tensor<192xf32>, %a: tensor<?xi32>) -> tensor<?x192xf16> {
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>) layout(#fragments)
      : (tensor<?x128xf16>, tensor<12x2x512xi8>, tensor<192xf32>, tensor<?xi32>)
      -> (tensor<?x192xf16>, tensor<?x256xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x192xf16>
}

// -----

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

// Few tokens: no copies to shared memory, and vectors of weights from global memory.
// CHECK-LABEL: llvm.func @linear_f16_int4_n64_k128
// CHECK-NOT: cp.async
// CHECK: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK: nvvm.mma.sync
func.func @few_tokens(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) -> tensor<?x64xf16> {
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [8, 32, 128], warps = [2, 1], stages = 1>) layout(#fragments)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}

// -----

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

// A low-rank branch is multiplied behind the loop: four floats and four codes of a lane for each step, whose bytes become bf16 by what they have above 128 or 256. One
// multiply-add adds it, and the bias comes after it.
// CHECK-LABEL: llvm.func @linear_bf16_int4_n64_k128
// CHECK: scf.for
// CHECK: nvvm.cp.async.wait.group 0
// CHECK: llvm.load {{.*}} : !llvm.ptr<1> -> vector<2xi32>
// CHECK: %[[CODES:.*]] = llvm.load {{.*}} : !llvm.ptr<1> -> i32
// CHECK: %[[PLACED:.*]] = nvvm.prmt {{.*}}%[[CODES]]
// CHECK: %[[VALUE:.*]] = arith.andi %[[PLACED]], %{{.*}} : i32
// CHECK: llvm.bitcast %[[VALUE]] : i32 to vector<2xbf16>
// CHECK: %[[EXCESS:.*]] = arith.andi %[[PLACED]], %{{.*}} : i32
// CHECK: llvm.bitcast %[[EXCESS]] : i32 to vector<2xbf16>
// CHECK: llvm.intr.fma({{.*}} : (vector<2xbf16>
// CHECK: nvvm.mma.sync
// CHECK: scf.if
// CHECK: %[[SUM:.*]] = llvm.intr.fma({{.*}} : (f32, f32, f32) -> f32
// CHECK: arith.addf %[[SUM]], %{{.*}} : f32
func.func @branch(%x: tensor<?x128xbf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %b: tensor<64xf32>, %l: tensor<?x16xbf16>,
                  %u: tensor<64x16xi8>, %v: tensor<64xf32>) -> tensor<?x64xf32> {
  %0 = qk.weight_only_linear %x, %w scales(%s) bias(%b) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>) layout(#fragments)
      : (tensor<?x128xbf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<64xf32>, tensor<?x16xbf16>, tensor<64x16xi8>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
