// Threads of the longest rows have no registers for what comes in front: it stays an operation, and rows are quantized by a kernel.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16" -canonicalize | FileCheck %s

!input = !qllm.quantized<?x32768, #qllm.int<8>, per_token>
!weight = !qllm.quantized<16x32768, #qllm.int<4>, per_channel<0>>

// CHECK-LABEL: func.func @gate
// CHECK: %[[Y:.*]] = onnx.Mul
// CHECK: %[[Z:.*]] = onnx.Mul(%[[Y]],
// CHECK: qk.quantize %[[Z]] format(<8>)
func.func @gate(%g: tensor<?x32768xf32>, %x: tensor<?x32768xf32>) -> tensor<?x16xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<16x32768xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<16xf32>
  %p = qllm.pack %c, %s : (tensor<16x32768xi4>, tensor<16xf32>) -> !weight
  %sigma = onnx.Sigmoid(%g) : (tensor<?x32768xf32>) -> tensor<?x32768xf32>
  %silu = onnx.Mul(%g, %sigma) : (tensor<?x32768xf32>, tensor<?x32768xf32>) -> tensor<?x32768xf32>
  %y = onnx.Mul(%silu, %x) : (tensor<?x32768xf32>, tensor<?x32768xf32>) -> tensor<?x32768xf32>
  %q = qllm.quantize %y : tensor<?x32768xf32> -> !input
  %0 = qllm.linear %q, %p : (!input, !weight) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @rms
// CHECK: %[[Y:.*]] = onnx.RMSNormalization
// CHECK: qk.quantize %[[Y]] format(<8>)
func.func @rms(%x: tensor<?x32768xf32>, %w: tensor<32768xf32>) -> tensor<?x16xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<16x32768xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<16xf32>
  %p = qllm.pack %c, %s : (tensor<16x32768xi4>, tensor<16xf32>) -> !weight
  %y = onnx.RMSNormalization(%x, %w) {epsilon = 1.0e-05 : f32} : (tensor<?x32768xf32>, tensor<32768xf32>) -> tensor<?x32768xf32>
  %q = qllm.quantize %y : tensor<?x32768xf32> -> !input
  %0 = qllm.linear %q, %p : (!input, !weight) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

// -----

!input = !qllm.quantized<?x20480, #qllm.int<8>, per_token>
!weight = !qllm.quantized<16x20480, #qllm.int<4>, per_channel<0>>

// The widest norm that is part of the kernel.

// CHECK-LABEL: func.func @layer
// CHECK: qk.quantize %{{.*}} norm layer({{.*}}
func.func @layer(%x: tensor<?x20480xf32>, %w: tensor<20480xf32>, %b: tensor<20480xf32>) -> tensor<?x16xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<16x20480xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<16xf32>
  %p = qllm.pack %c, %s : (tensor<16x20480xi4>, tensor<16xf32>) -> !weight
  %y = onnx.LayerNormalization(%x, %w, %b) {epsilon = 1.0e-05 : f32, resultSegmentSizes = array<i32: 1, 0, 0>} : (tensor<?x20480xf32>, tensor<20480xf32>, tensor<20480xf32>) -> tensor<?x20480xf32>
  %q = qllm.quantize %y : tensor<?x20480xf32> -> !input
  %0 = qllm.linear %q, %p : (!input, !weight) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}
