// Kernels with producers: who loads, who multiplies, and what goes between them.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_90a -canonicalize -cse | FileCheck %s

// Both operands by tensor maps of rows as wide as the swizzle. The first tile is multiplied before the loop, without reading
// sums; in the loop the stage before is released while products are under way.

// CHECK-LABEL: func.func @w8a8
// CHECK: qk.launch "linear_int8_int8_n512_k384"
// CHECK-SAME: threads = 384, shared = 196672, maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>, #qk.tensor_map<operand = 1, rows = 256, row_bytes = 128, swizzle = 128>]
// CHECK: llvm.func @linear_int8_int8_n512_k384(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.struct<(array<128 x i8>)>, nvvm.grid_constant}
// CHECK-SAME: nvvm.maxntid = array<i32: 384>
// A stage is filled by one arrival with bytes, and emptied by eight warps.
// CHECK-DAG: %[[ONE:.*]] = arith.constant 1 : i32
// CHECK-DAG: %[[EIGHT:.*]] = arith.constant 8 : i32
// CHECK-DAG: %[[BYTES:.*]] = arith.constant 49152 : i32
// CHECK: nvvm.mbarrier.init %{{.*}}, %[[ONE]], predicate = %[[FIRST:.*]] :
// CHECK: nvvm.mbarrier.init %{{.*}}, %[[EIGHT]], predicate = %[[FIRST]] :
// CHECK: nvvm.fence.mbarrier.init
// CHECK-NEXT: nvvm.barrier0
// CHECK: scf.if
// CHECK-NEXT: nvvm.setmaxregister increase 232
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.wgmma.fence.aligned
// CHECK: nvvm.wgmma.mma_async {{.*}}<m = 64, n = 256, k = 32>, D[<s32>, <zero>, <wrapped>]
// CHECK-COUNT-3: nvvm.wgmma.mma_async {{.*}}D[<s32>, <one>
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-COUNT-4: nvvm.wgmma.mma_async {{.*}}D[<s32>, <one>
// CHECK: nvvm.wgmma.commit.group.sync.aligned
// CHECK-NEXT: nvvm.wgmma.wait.group.sync.aligned 1
// CHECK: scf.if
// CHECK: nvvm.mbarrier.arrive %
// CHECK: scf.yield
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK: arith.sitofp
// CHECK: } else {
// CHECK-NEXT: nvvm.setmaxregister decrease 40
// CHECK: scf.for
// CHECK-NEXT: arith.
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.mbarrier.arrive.expect_tx %[[FULL:.*]], %[[BYTES]]
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[X]], %[[FULL]], box[%{{.*}}, %{{.*}}]
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
func.func @w8a8(%x: tensor<?x384xi8>, %w: tensor<512x384xi8>, %sx: tensor<?xf32>, %sw: tensor<512xf32>) -> tensor<?x512xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, producers = 1>)
      : (tensor<?x384xi8>, tensor<512x384xi8>, tensor<?xf32>, tensor<512xf32>) -> tensor<?x512xf16>
  return %0 : tensor<?x512xf16>
}

// -----

// Two blocks of neighbouring rows share the tile of the weight. Barriers of both count the warps of both; the blocks meet before they
// reach into each other, and none ends while the other does. A warp's first two lanes tell a block each that it has read a stage.

// CHECK-LABEL: func.func @w8a8_cluster
// CHECK: qk.launch {{.*}}cluster = 2, maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>, #qk.tensor_map<operand = 1, rows = 128,
// CHECK: llvm.func {{.*}}nvvm.cluster_dim = array<i32: 2, 1, 1>
// CHECK: nvvm.mbarrier.init %{{.*}}, %c16_i32
// CHECK: nvvm.fence.mbarrier.init
// CHECK-NEXT: nvvm.cluster.arrive {aligned}
// CHECK-NEXT: nvvm.cluster.wait {aligned}
// CHECK-NOT: nvvm.barrier
// CHECK: %[[ARRIVES:.*]] = arith.cmpi slt, %[[LANE:.*]], %c2_i32
// CHECK: scf.if %[[ARRIVES]] {
// CHECK: %[[THERE:.*]] = nvvm.mapa %{{.*}}, %[[LANE]]
// CHECK-NEXT: nvvm.mbarrier.arrive %[[THERE]] {scope = #nvvm.mem_scope<cluster>} : !llvm.ptr<7>
// CHECK: nvvm.cluster.arrive{{$}}
// CHECK: %[[RANK:.*]] = nvvm.read.ptx.sreg.cluster.ctarank
// CHECK: nvvm.mbarrier.arrive.expect_tx %{{.*}}, %c49152_i32
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}} box[%{{[^,]*}}, %{{[^,]*}}] : !llvm.ptr<7>
// CHECK: %[[PART:.*]] = arith.muli %[[RANK]], %c128_i32
// CHECK: %[[ROW:.*]] = arith.addi %{{.*}}, %[[PART]]
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}} box[%{{.*}}, %[[ROW]]] multicast_mask = %c3_i16
// CHECK: nvvm.cluster.arrive{{$}}
// CHECK: nvvm.cluster.wait{{$}}
// CHECK-NEXT: llvm.return
func.func @w8a8_cluster(%x: tensor<?x384xi8>, %w: tensor<512x384xi8>, %sx: tensor<?xf32>, %sw: tensor<512xf32>) -> tensor<?x512xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, cluster = 2, producers = 1>)
      : (tensor<?x384xi8>, tensor<512x384xi8>, tensor<?xf32>, tensor<512xf32>) -> tensor<?x512xf16>
  return %0 : tensor<?x512xf16>
}

// -----

// The input's tile is the larger one: blocks of neighbouring columns share it.

// CHECK-LABEL: func.func @w4a8_cluster
// CHECK: qk.launch {{.*}}column_cluster = 2, maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>, #qk.tensor_map<operand = 1, rows = 8,
// CHECK: llvm.func {{.*}}nvvm.cluster_dim = array<i32: 1, 2, 1>
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}} box[%{{.*}}, %{{.*}}] multicast_mask = %c3_i16
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}} box[%{{[^,]*}}, %{{[^,]*}}] : !llvm.ptr<7>
func.func @w4a8_cluster(%x: tensor<?x256xi8>, %w: tensor<16x4x512xi8>, %sx: tensor<?xf32>, %sw: tensor<256xf32>) -> tensor<?x256xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [256, 128, 128], warps = [1, 8], stages = 4, cluster = 2, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x256xi8>, tensor<16x4x512xi8>, tensor<?xf32>, tensor<256xf32>) -> tensor<?x256xf16>
  return %0 : tensor<?x256xf16>
}

// -----

// Warps that share columns: weights are the rows of the product, 64 for each of two warpgroups, and eight tokens its columns. A
// stage has 1024 bytes of inputs in front of its weights, 64 units of descriptors.

// CHECK-LABEL: func.func @w8a8_few
// CHECK: %[[GROUP:.*]] = nvvm.shfl.sync idx
// CHECK: %[[PART:.*]] = arith.muli %[[GROUP]], %c512_i32
// CHECK: %[[WEIGHTS:.*]] = arith.addi %[[UNITS:.*]], %c64_i32
// CHECK: %[[LEFT:.*]] = arith.addi %[[WEIGHTS]], %[[PART]]
// CHECK: %[[A:.*]] = arith.ori %{{.*}}, %c4611686293305360384_i64
// CHECK: %[[B:.*]] = arith.ori %{{.*}}, %c4611686293305360384_i64
// CHECK: nvvm.wgmma.mma_async %[[A]], %[[B]], {{.*}}<m = 64, n = 8, k = 32>
func.func @w8a8_few(%x: tensor<?x384xi8>, %w: tensor<512x384xi8>, %sx: tensor<?xf32>, %sw: tensor<512xf32>) -> tensor<?x512xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [8, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      : (tensor<?x384xi8>, tensor<512x384xi8>, tensor<?xf32>, tensor<512xf32>) -> tensor<?x512xf16>
  return %0 : tensor<?x512xf16>
}

// -----

// Weights of four bits are unpacked in registers, and are the rows of the product; tokens are its columns.

// CHECK-LABEL: llvm.func @linear_int8_int4_n128_k256
// CHECK: scf.for
// CHECK: %[[VECTOR:.*]] = llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: arith.andi %{{.*}}, %c-252645136_i32
// CHECK: nvvm.wgmma.fence.aligned
// CHECK-COUNT-4: qk.wgmma_register_a {{.*}} : !llvm.struct<(i32, i32, i32, i32, i32, i32, i32, i32)>
// CHECK: nvvm.wgmma.wait.group.sync.aligned 0
// CHECK: arith.shrsi %{{.*}}, %c4_i32
// Four boxes of 256 bytes for the weight, one for the input.
// CHECK: nvvm.setmaxregister decrease 40
// CHECK-COUNT-5: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK-NOT: nvvm.cp.async.bulk.tensor.shared.cluster.global
func.func @w4a8(%x: tensor<?x256xi8>, %w: tensor<8x4x512xi8>, %sx: tensor<?xf32>, %sw: tensor<128xf32>) -> tensor<?x128xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x256xi8>, tensor<8x4x512xi8>, tensor<?xf32>, tensor<128xf32>) -> tensor<?x128xf16>
  return %0 : tensor<?x128xf16>
}
