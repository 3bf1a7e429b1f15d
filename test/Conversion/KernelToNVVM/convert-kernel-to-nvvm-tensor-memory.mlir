// Sums in tensor memory: who allocates, loads, multiplies and finishes, and what goes between them.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_100a -canonicalize -cse | FileCheck %s

// Codes come by tensor maps, scales as they lie. Bits of descriptors are tested in unittests/Kernels/TensorMemoryTest.cpp.

// CHECK-LABEL: func.func @nvfp4
// CHECK: qk.launch "linear_nvfp4_n512_k1024"
// CHECK-SAME: threads = 256, shared = 110656, maps = [#qk.tensor_map<operand = 0, rows = 128, row_bytes = 128, swizzle = 128>, #qk.tensor_map<operand = 1, rows = 128, row_bytes = 128, swizzle = 128>]
// CHECK: llvm.func @linear_nvfp4_n512_k1024(
// CHECK-SAME: %[[X:[a-z0-9]+]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval
// CHECK-SAME: %[[SX:[a-z0-9]+]]: !llvm.ptr<1> {llvm.noalias, llvm.readonly}
// CHECK-DAG: %[[COLUMNS:.*]] = arith.constant 256 : i32
// One warp allocates; all learn where.
// CHECK: nvvm.mbarrier.init
// CHECK: nvvm.fence.mbarrier.init
// CHECK: scf.if
// CHECK-NEXT: nvvm.tcgen05.alloc %[[SLOT:.*]], %[[COLUMNS]]
// CHECK-NEXT: nvvm.tcgen05.relinquish_alloc_permit
// CHECK: nvvm.tcgen05.fence <before>
// CHECK-NEXT: nvvm.barrier0
// CHECK-NEXT: nvvm.tcgen05.fence <after>
// CHECK-NEXT: llvm.load %[[SLOT]]
// Four warps wait for the sums, and store a row in each lane.
// CHECK: scf.if
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-NEXT: nvvm.tcgen05.fence <after>
// CHECK: scf.for
// CHECK: nvvm.tcgen05.ld %{{.*}} {shape = #nvvm.tcgen05_ldst_shape<shape_32x32b>} : vector<32xi32>
// CHECK-NEXT: nvvm.tcgen05.wait <load>
// CHECK: llvm.store %{{.*}} {alignment = 16 : i64} : vector<8xf16>, !llvm.ptr<1>
// CHECK: } else {
// CHECK: nvvm.elect.sync
// One thread loads: codes of both sides, then scales of both.
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK: nvvm.mbarrier.arrive.expect_tx
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[X]]
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK-COUNT-2: nvvm.cp.async.bulk.shared.cluster.global
// CHECK-NOT: nvvm.cp.async.bulk
// Another copies four words of scales of each side to tensor memory, and multiplies four steps. The first adds to sums after
// the first tile only.
// CHECK: scf.for
// CHECK: nvvm.mbarrier.try_wait.parity
// CHECK-NEXT: nvvm.tcgen05.fence <after>
// CHECK-COUNT-8: nvvm.tcgen05.cp %{{.*}} {multicast = #nvvm.tcgen05_cp_multicast<warpx4>, shape = #nvvm.tcgen05_cp_shape<shape_32x128b>}
// CHECK-NOT: nvvm.tcgen05.cp
// CHECK: nvvm.tcgen05.mma.block_scale {{.*}}blockScale = #nvvm.tcgen05_mma_block_scale<block16>{{.*}}kind = #nvvm.block_scale_kind<mxf4nvf4>
// CHECK-COUNT-3: nvvm.tcgen05.mma.block_scale {{.*}}, %true, %
// CHECK-NOT: nvvm.tcgen05.mma
// CHECK: nvvm.tcgen05.commit
// CHECK: scf.yield
// CHECK: nvvm.tcgen05.commit
// CHECK: nvvm.tcgen05.fence <before>
// CHECK-NEXT: nvvm.barrier0
// CHECK: scf.if
// CHECK: nvvm.tcgen05.dealloc %{{.*}}, %[[COLUMNS]]
func.func @nvfp4(%x: tensor<?x1024xf4E2M1FN>, %w: tensor<512x1024xf4E2M1FN>, %sx: tensor<?x16x512xf8E4M3FN>, %sw: tensor<4x16x512xf8E4M3FN>) -> tensor<?x512xf16> {
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw)
      schedule(#qk.schedule<tile = [128, 128, 256], warps = [4, 1], stages = 3, producers = 1>)
      : (tensor<?x1024xf4E2M1FN>, tensor<512x1024xf4E2M1FN>, tensor<?x16x512xf8E4M3FN>, tensor<4x16x512xf8E4M3FN>) -> tensor<?x512xf16>
  return %0 : tensor<?x512xf16>
}

// -----

// A depth that ends inside of a tile: the last one has three steps, with two of the four words of scales. Columns that are no
// multiple of anything are stored one by one.

// CHECK-LABEL: llvm.func @linear_mxfp4_n301_k672(
// CHECK: llvm.store %{{.*}} {alignment = 4 : i64} : vector<1xf32>, !llvm.ptr<1>
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global
// CHECK-COUNT-3: nvvm.cp.async.bulk.shared.cluster.global
// CHECK: scf.for
// CHECK-COUNT-6: nvvm.tcgen05.cp
// CHECK-COUNT-4: nvvm.tcgen05.mma.block_scale {{.*}}<block32>{{.*}}<mxf4>
// CHECK: scf.yield
// CHECK-COUNT-6: nvvm.tcgen05.cp
// CHECK-COUNT-3: nvvm.tcgen05.mma.block_scale
// CHECK-NOT: nvvm.tcgen05.mma
// CHECK: llvm.return
func.func @mxfp4(%x: tensor<?x672xf4E2M1FN>, %w: tensor<301x672xf4E2M1FN>, %sx: tensor<?x6x512xf8E8M0FNU>, %sw: tensor<3x6x512xf8E8M0FNU>) -> tensor<?x301xf32> {
  %0 = qk.block_scaled_linear %x, %w scales(%sx, %sw)
      schedule(#qk.schedule<tile = [128, 256, 256], warps = [4, 1], stages = 2, producers = 1>)
      : (tensor<?x672xf4E2M1FN>, tensor<301x672xf4E2M1FN>, tensor<?x6x512xf8E8M0FNU>, tensor<3x6x512xf8E8M0FNU>) -> tensor<?x301xf32>
  return %0 : tensor<?x301xf32>
}
