// RUN: qllm-opt %s -split-input-file -verify-diagnostics -convert-kernel-to-gpu=target=sm_80
// RUN: not qllm-opt %s -split-input-file -convert-kernel-to-gpu=target=sm_1 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: error: expected targets out of sm_80

// expected-error @below {{expected kernels in a gpu.module or gpu.binary 'sm_80'}}
module {
  func.func @no_kernels(%x: tensor<4xf32>) -> tensor<4xf32> {
    %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}

// -----

gpu.module @sm_80 [#nvvm.target<chip = "sm_80">] {
}
func.func @no_kernel(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected a kernel 'a' of the llvm dialect in 'sm_80'}}
  %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

gpu.module @sm_80 [#nvvm.target<chip = "sm_80">] {
  llvm.func @a(!llvm.ptr<1>, i32) attributes {nvvm.kernel}
}
func.func @other_arguments(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected a kernel 'a' of 3 arguments, but got one of 2}}
  %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @other_operation(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected nothing but launches of kernels and constants in 'other_operation', but got 'onnx.Relu'}}
  %w = onnx.Relu(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %0 = qk.launch "a"(%w) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
// expected-error @below {{expected a type that has a layout in device memory for argument 0, but got 'tensor<?x5xi4>'}}
func.func @odd_rows(%x: tensor<?x5xi4>) -> tensor<4xf32> {
  %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<?x5xi4>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @result(%x: tensor<4xf32>) {
  // expected-error @below {{expected a type that has a layout in device memory for result 0, but got 'tensor<4xcomplex<f32>>'}}
  %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xcomplex<f32>>
  return
}

// -----

gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
// expected-error @below {{expected no uses of 'called', whose type changes}}
func.func @called(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
func.func @caller(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = call @called(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @elsewhere(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected a geometry on 'sm_80'}}
  %0 = qk.launch "a"(%x) sizes [0, 0] geometry {sm_90a = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

gpu.binary @sm_80 [#gpu.object<#nvvm.target<chip = "sm_80">, bin = "">]
func.func @map_of_vector(%x: tensor<32xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected static rows for a tensor map of operand 0, but got 'tensor<32xf32>'}}
  %0 = qk.launch "a"(%x) sizes [0, 0]
      geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 8, threads = 32, shared = 0, maps = [#qk.tensor_map<operand = 0, rows = 64, row_bytes = 128, swizzle = 128>]>}
      : (tensor<32xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
