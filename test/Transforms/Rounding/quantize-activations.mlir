// RUN: qllm-opt --qllm-quantize-activations %s | FileCheck %s

// Two products of one input share its quantized form.
// CHECK-LABEL: func.func @shared
func.func @shared(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  // CHECK: %[[Q:.*]] = qllm.quantize %arg0 : tensor<?x4xf32> -> !qllm.quantized<?x4, #qllm.int<8, asymmetric>, per_token>
  // CHECK-NOT: qllm.quantize
  // CHECK: qllm.linear %[[Q]], %{{.*}} : (
  // CHECK: qllm.linear %[[Q]], %{{.*}} : (
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.plan = {operands = [!qllm.quantized<?x4, #qllm.int<8, asymmetric>, per_token>]}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %z = qllm.linear %x, %w {qllm.plan = {operands = [!qllm.quantized<?x4, #qllm.int<8, asymmetric>, per_token>]}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
