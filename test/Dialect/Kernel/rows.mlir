// Schedules by the number of rows, and launches that choose between kernels.
// RUN: qllm-opt %s -split-input-file | qllm-opt -split-input-file | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-kernel-to-nvvm=targets=sm_80 | FileCheck %s --check-prefix=LAUNCH

// A kernel for few rows has a name of its own; equal ones are shared, whatever their number of rows is.

// CHECK-LABEL: func.func @by_rows
// CHECK: schedule([#qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 16>, #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>])
// LAUNCH-LABEL: func.func @by_rows
// LAUNCH: qk.launch "[[ANY:.*]]"(%{{.*}}) sizes [0, 0] up_to [#qk.specialization<max_rows = 16, kernel = "[[FEW:.*]]", geometry = {sm_80 = #qk.geometry<columns = 1, tile_rows = 16, {{.*}}>}>] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 64,
// LAUNCH: qk.launch "[[ANY]]"(%{{.*}}) sizes [0, 0] up_to [#qk.specialization<max_rows = 4, kernel = "[[FEW]]",
// LAUNCH: gpu.module @sm_80
// LAUNCH-DAG: llvm.func @[[FEW]](
// LAUNCH-DAG: llvm.func @[[ANY]](
// LAUNCH-NOT: llvm.func @linear
func.func @by_rows(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule([#qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 16>, #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>])
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  %1 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule([#qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 4>, #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>])
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// Each target has its own schedules, for the same numbers of rows.

// CHECK-LABEL: func.func @by_target
// CHECK: schedule({sm_80 = [#qk.schedule<{{.*}}max_rows = 4>, #qk.schedule<{{[^<]*}}>], sm_86 = [#qk.schedule<{{.*}}max_rows = 4>, #qk.schedule<{{[^<]*}}>]})
// LAUNCH-LABEL: func.func @by_target
// LAUNCH: up_to [#qk.specialization<max_rows = 4, kernel = "{{.*}}", geometry = {sm_80 = #qk.geometry<columns = 1, tile_rows = 16,
func.func @by_target(%x: tensor<?x64xi8>, %w: tensor<64x64xi8>, %s: tensor<?xf32>, %t: tensor<64xf32>) -> tensor<?x64xf32> {
  %0 = qk.linear %x, %w scales(%s, %t) formats(#qllm.int<8>, #qllm.int<8>)
      schedule({sm_80 = [#qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4, max_rows = 4>, #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>],
                sm_86 = [#qk.schedule<tile = [16, 64, 64], warps = [1, 4], stages = 4, max_rows = 4>, #qk.schedule<tile = [64, 64, 64], warps = [2, 2], stages = 3>]})
      : (tensor<?x64xi8>, tensor<64x64xi8>, tensor<?xf32>, tensor<64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
