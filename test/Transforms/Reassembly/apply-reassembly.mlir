// Layers of one input with one plan share the split and the merge; their weights absorb both.
// RUN: qllm-opt %s -qllm-apply-reassembly -split-input-file | FileCheck %s

// CHECK-LABEL: func.func @shared
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK: %[[S:.*]] = qllm.split_channels %[[X]] parts [1, 3, 1, 1] {qllm.threshold = 2.500000e+00 : f64} : tensor<?x4xf32>
// CHECK-NEXT: %[[M:.*]] = qllm.merge_channels %[[S]] targets [0, 1, 2, 3, 0, 0] : tensor<?x6xf32>
// CHECK-NOT: split_channels %[[X]]
// CHECK: %[[QS:.*]] = qllm.split_channels %{{.*}} parts [1, 3, 1, 1] repeat : tensor<2x4xf32>
// CHECK: %[[Q:.*]] = qllm.merge_channels %[[QS]] targets [0, 1, 2, 3, 0, 0] sum : tensor<2x6xf32>
// CHECK: qllm.linear %[[M]], %[[Q]] {qllm.plan = {operands = [!qllm.quantized<?x4, #qllm.int<4>, per_token>]}}
// CHECK: %[[KS:.*]] = qllm.split_channels %{{.*}} repeat : tensor<3x4xf32>
// CHECK: %[[K:.*]] = qllm.merge_channels %[[KS]]
// CHECK: qllm.linear %[[M]], %[[K]] bias
// CHECK-NOT: qllm.reassembly
func.func @shared(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x3xf32>) {
  %wq = onnx.Initializer "q" = dense<1.0> : tensor<2x4xf32>
  %wk = onnx.Initializer "k" = dense<1.0> : tensor<3x4xf32>
  %b = onnx.Initializer "b" = dense<1.0> : tensor<3xf32>
  %q = qllm.linear %x, %wq {qllm.plan = {operands = [!qllm.quantized<?x4, #qllm.int<4>, per_token>]}, qllm.reassembly = {threshold = 2.5 : f64, parts = array<i64: 1, 3, 1, 1>, targets = array<i64: 0, 1, 2, 3, 0, 0>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %k = qllm.linear %x, %wk bias(%b) {qllm.reassembly = {threshold = 2.5 : f64, parts = array<i64: 1, 3, 1, 1>, targets = array<i64: 0, 1, 2, 3, 0, 0>}} : (tensor<?x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  return %q, %k : tensor<?x2xf32>, tensor<?x3xf32>
}

// -----

// Without targets the width grows, and plans of rounding grow with it.
// CHECK-LABEL: func.func @wider
// CHECK: qllm.split_channels %{{.*}} parts [1, 3] {{.*}} : tensor<?x2xf32>
// CHECK-NOT: merge_channels
// CHECK: qllm.linear {{.*}}operands = [!qllm.quantized<?x4, #qllm.int<4>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>
func.func @wider(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  %y = qllm.linear %x, %w {qllm.plan = {operands = [!qllm.quantized<?x2, #qllm.int<4>, per_token>], weight = !qllm.quantized<2x2, #qllm.int<4>, per_channel<0>>}, qllm.reassembly = {parts = array<i64: 1, 3>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

// The number of channels may be known by the weight alone.
// CHECK-LABEL: func.func @channels_from_weight
// CHECK: %[[X:.*]] = onnx.Identity(%arg0) : (tensor<?x?xf32>) -> tensor<?x2xf32>
// CHECK: qllm.split_channels %[[X]] parts [1, 2]
func.func @channels_from_weight(%x: tensor<?x?xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  %y = qllm.linear %x, %w {qllm.reassembly = {threshold = 2.5 : f64, parts = array<i64: 1, 2>}} : (tensor<?x?xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
