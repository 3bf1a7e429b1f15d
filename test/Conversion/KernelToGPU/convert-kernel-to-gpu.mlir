// Host code of launches: memory, grids, the order of arguments.
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-gpu=target=sm_80 -canonicalize -cse | FileCheck %s

// The rows choose a kernel at run time; the grid follows from them. What is allocated is the caller's where it is returned.

// CHECK-LABEL: module attributes {gpu.container_module}
// CHECK: llvm.func @any({{.*}}) attributes {gpu.kernel, nvvm.kernel}
// CHECK-LABEL: func.func @dynamic
// CHECK-SAME: (%[[X:.*]]: memref<?x576xi8>, %[[S:.*]]: memref<?xf32>) -> memref<?x64xf32>
// CHECK: %[[ROWS:.*]] = memref.dim %[[X]], %c0
// CHECK: %[[Y:.*]] = gpu.alloc (%[[ROWS]]) : memref<?x64xf32>
// CHECK: %[[SOME:.*]] = arith.cmpi ne, %[[ROWS]], %c0
// CHECK: scf.if %[[SOME]]
// CHECK:   %[[FEW:.*]] = arith.cmpi ule, %[[ROWS]], %c16
// CHECK:   scf.if %[[FEW]]
// CHECK:     %[[COVERED:.*]] = arith.addi %[[ROWS]], %c15
// CHECK:     %[[TILES:.*]] = arith.divui %[[COVERED]], %c16
// CHECK:     gpu.launch_func @sm_80::@few blocks in (%[[TILES]], %c4, %c1) threads in (%c128, %c1, %c1) dynamic_shared_memory_size %c4096_i32
// CHECK-SAME:  args(%[[PX:.*]] : !llvm.ptr, %[[PS:.*]] : !llvm.ptr, %[[PY:.*]] : !llvm.ptr, %[[M:.*]] : i32)
// CHECK:   } else {
// CHECK:     gpu.launch_func @sm_80::@any blocks in (%{{.*}}, %c1, %c2) threads in (%c256, %c1, %c1) dynamic_shared_memory_size %c65536_i32
// CHECK-NOT: gpu.dealloc
// CHECK: return %[[Y]]
gpu.module @sm_80 [#nvvm.target<chip = "sm_80">] {
  llvm.func @any(!llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>, i32) attributes {nvvm.kernel}
  llvm.func @few(!llvm.ptr<1>, !llvm.ptr<1>, !llvm.ptr<1>, i32) attributes {nvvm.kernel}
}
func.func @dynamic(%x: tensor<?x576xi8>, %s: tensor<?xf32>) -> tensor<?x64xf32> {
  %0 = qk.launch "any"(%x, %s) sizes [0, 0]
      up_to [#qk.specialization<max_rows = 16, kernel = "few", geometry = {sm_80 = #qk.geometry<columns = 4, tile_rows = 16, threads = 128, shared = 4096>}>]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 128, layers = 2, threads = 256, shared = 65536>}
      : (tensor<?x576xi8>, tensor<?xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Clusters along rows, which they fill; and along columns.

// CHECK-LABEL: func.func @clusters
// CHECK: %[[COVERED:.*]] = arith.addi %{{.*}}, %c15
// CHECK: %[[CLUSTERS:.*]] = arith.divui %[[COVERED]], %c16
// CHECK: %[[BLOCKS:.*]] = arith.muli %[[CLUSTERS]], %c2
// CHECK: gpu.launch_func @sm_80::@rows clusters in (%c2, %c1, %c1) blocks in (%[[BLOCKS]], %c3, %c1)
// CHECK: gpu.launch_func @sm_80::@columns clusters in (%c1, %c4, %c1) blocks in (%{{.*}}, %c8, %c1)
gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @clusters(%x: tensor<?xf32>) -> (tensor<?xf32>, tensor<?xf32>) {
  %0 = qk.launch "rows"(%x) sizes [0, 0]
      geometry {sm_80 = #qk.geometry<columns = 3, tile_rows = 8, threads = 32, shared = 0, cluster = 2>} : (tensor<?xf32>) -> tensor<?xf32>
  %1 = qk.launch "columns"(%x) sizes [0, 0]
      geometry {sm_80 = #qk.geometry<columns = 8, tile_rows = 8, threads = 32, shared = 0, column_cluster = 4>} : (tensor<?xf32>) -> tensor<?xf32>
  return %0, %1 : tensor<?xf32>, tensor<?xf32>
}

// -----

// Static rows choose at once. Kernels may be a binary already. What is not returned is freed behind its last use.

// CHECK-LABEL: func.func @static
// CHECK-SAME: (%[[X:.*]]: memref<40x32xf32>) -> memref<40xf32>
// CHECK: %[[CODES:.*]] = gpu.alloc () : memref<40x16xi8>
// CHECK: %[[ZEROS:.*]] = gpu.alloc () : memref<20xi8>
// CHECK: gpu.launch_func @sm_80::@quantize blocks in (%c5, %c1, %c1)
// CHECK: gpu.dealloc %[[ZEROS]]
// CHECK: %[[Y:.*]] = gpu.alloc () : memref<40xf32>
// CHECK: gpu.launch_func @sm_80::@sum blocks in (%c3, %c1, %c1)
// CHECK: gpu.dealloc %[[CODES]]
// CHECK: return %[[Y]]
gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @static(%x: tensor<40x32xf32>) -> tensor<40xf32> {
  %codes, %zeros = qk.launch "quantize"(%x) sizes [0, 0]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 256, shared = 0>}
      : (tensor<40x32xf32>) -> (tensor<40x32xi4>, tensor<40x1xui4>)
  %sums = qk.launch "sum_many"(%codes) sizes [0, 0]
      up_to [#qk.specialization<max_rows = 40, kernel = "sum", geometry = {sm_80 = #qk.geometry<columns = 1, tile_rows = 16, threads = 128, shared = 0>}>]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 32, threads = 128, shared = 0>}
      : (tensor<40x32xi4>) -> tensor<40xf32>
  return %sums : tensor<40xf32>
}

// -----

// In the place of an argument, the result is that argument. A value that is read later is copied first.

// CHECK-LABEL: func.func @in_place
// CHECK-SAME: (%[[X:.*]]: memref<8x64xf32>, %[[CACHE:.*]]: memref<?x16xi8>) -> (memref<?x16xi8>, memref<8x64xf32>)
// CHECK: gpu.launch_func @sm_80::@append
// CHECK: %[[PAGES:.*]] = memref.dim %[[CACHE]], %c0
// CHECK: %[[COPY:.*]] = gpu.alloc (%[[PAGES]]) : memref<?x16xi8>
// CHECK: gpu.memcpy %[[COPY]], %[[CACHE]]
// CHECK: %[[Y:.*]] = gpu.alloc () : memref<8x64xf32>
// CHECK: memref.extract_aligned_pointer_as_index %[[COPY]]
// CHECK: gpu.launch_func @sm_80::@append
// CHECK: gpu.launch_func @sm_80::@read
// CHECK: gpu.dealloc %[[COPY]]
// CHECK: return %[[CACHE]], %[[Y]]
gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @in_place(%x: tensor<8x64xf32>, %cache: tensor<?x16xi8>) -> (tensor<?x16xi8>, tensor<8x64xf32>) {
  %all = qk.launch "append"(%x, %cache) sizes [0, 0] in_place [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<8x64xf32>, tensor<?x16xi8>) -> tensor<?x16xi8>
  %more, %y = qk.launch "append"(%x, %all) sizes [0, 0] in_place [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<8x64xf32>, tensor<?x16xi8>) -> (tensor<?x16xi8>, tensor<8x64xf32>)
  %z = qk.launch "read"(%more) sizes [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<?x16xi8>) -> tensor<2xf32>
  return %all, %y : tensor<?x16xi8>, tensor<8x64xf32>
}

// -----

// What counts is what comes behind the launch, and the launch itself: kernels take for granted that operands do not overlap.

// CHECK-LABEL: func.func @read_before
// CHECK-NOT: gpu.memcpy
// CHECK-LABEL: func.func @read_behind
// CHECK-SAME: %[[CACHE:[a-z0-9]*]]: memref<2x16xi8>)
// CHECK: gpu.memcpy %[[COPY:.*]], %[[CACHE]]
// CHECK: gpu.launch_func @sm_80::@append
// CHECK: memref.extract_aligned_pointer_as_index %[[CACHE]]
// CHECK: gpu.launch_func @sm_80::@read
// CHECK: return %[[COPY]]
// CHECK-LABEL: func.func @read_twice
// CHECK-SAME: (%[[CACHE:.*]]: memref<2x16xi8>)
// CHECK: gpu.memcpy %{{.*}}, %[[CACHE]]
gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @read_before(%x: tensor<8x64xf32>, %cache: tensor<2x16xi8>) -> tensor<2x16xi8> {
  %z = qk.launch "read"(%cache) sizes [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<2x16xi8>) -> tensor<2xf32>
  %all = qk.launch "append"(%x, %cache) sizes [0, 0] in_place [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<8x64xf32>, tensor<2x16xi8>) -> tensor<2x16xi8>
  return %all : tensor<2x16xi8>
}
func.func @read_behind(%x: tensor<8x64xf32>, %cache: tensor<2x16xi8>) -> tensor<2x16xi8> {
  %all = qk.launch "append"(%x, %cache) sizes [0, 0] in_place [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<8x64xf32>, tensor<2x16xi8>) -> tensor<2x16xi8>
  %z = qk.launch "read"(%cache) sizes [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<2x16xi8>) -> tensor<2xf32>
  return %all : tensor<2x16xi8>
}
func.func @read_twice(%cache: tensor<2x16xi8>) -> tensor<2x16xi8> {
  %all = qk.launch "shift"(%cache, %cache) sizes [0, 0] in_place [0, 1]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>}
      : (tensor<2x16xi8>, tensor<2x16xi8>) -> tensor<2x16xi8>
  return %all : tensor<2x16xi8>
}

// -----

// A tensor map goes in place of the pointer, by value: rows of 288 bytes, boxes of 128 by 64, swizzled over 128 bytes. Results
// of groups of rows have less of them.

// CHECK-LABEL: func.func @mapped
// CHECK-SAME: (%[[X:.*]]: memref<?x288xi8>)
// CHECK: %[[ROWS:.*]] = memref.dim %[[X]], %c0
// CHECK: %[[COVERED:.*]] = arith.addi %[[ROWS]], %c127
// CHECK: %[[GROUPS:.*]] = arith.divui %[[COVERED]], %c128
// CHECK: gpu.alloc (%[[GROUPS]]) : memref<?x4xf32>
// CHECK: %[[P:.*]] = llvm.inttoptr
// CHECK: %[[MAP:.*]] = llvm.alloca %c128_i64 x i8 {alignment = 64 : i64}
// CHECK: %[[SIZES:.*]] = llvm.alloca %c2_i64 x i64
// CHECK: llvm.store %c288_i64, %[[SIZES]]
// CHECK: %[[STRIDES:.*]] = llvm.alloca %c1_i64 x i64
// CHECK: llvm.store %c288_i64, %[[STRIDES]]
// CHECK: %[[BOX:.*]] = llvm.alloca %c2_i64 x i32
// CHECK: llvm.store %c128_i32, %[[BOX]]
// CHECK: %[[STEPS:.*]] = llvm.alloca %c2_i64 x i32
// CHECK: llvm.call @mgpuTensorMapEncodeTiled(%[[MAP]], %c0_i32, %c2_i32, %[[P]], %[[SIZES]], %[[STRIDES]], %[[BOX]], %[[STEPS]], %c0_i32, %c3_i32, %c0_i32, %c0_i32)
// CHECK: %[[BYTES:.*]] = llvm.load %[[MAP]] {alignment = 64 : i64} : !llvm.ptr -> !llvm.array<16 x i64>
// CHECK: gpu.launch_func @sm_80::@copy {{.*}} args(%[[BYTES]] : !llvm.array<16 x i64>, %{{.*}} : !llvm.ptr, %{{.*}} : i32)
gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @mapped(%x: tensor<?x576xi4>) -> tensor<?x4xf32> {
  %0 = qk.launch "copy"(%x) sizes [0, 0] rows_of_results [128]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 128, threads = 128, shared = 0, maps = [#qk.tensor_map<operand = 0, rows = 64, row_bytes = 128, swizzle = 128>]>}
      : (tensor<?x576xi4>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// Functions without launches stay, and without any of them so does the module.
// CHECK-LABEL: module {
// CHECK: func.func @other(%{{.*}}: tensor<4xf32>)
func.func @other(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}
