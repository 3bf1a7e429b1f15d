// RUN: qllm-opt --convert-onnx-to-qllm --split-input-file %s 2>/dev/null | FileCheck %s

// A weight stored as [in, out] is read through a transpose; no data moves.
// CHECK-LABEL: func.func @stored_in_out
func.func @stored_in_out(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.*]] = onnx.Initializer "w" = {{.*}} : tensor<4x2xf32>
  // CHECK: %[[T:.*]] = onnx.Transpose(%[[W]]) {perm = array<i64: 1, 0>} : (tensor<4x2xf32>) -> tensor<2x4xf32>
  // CHECK: qllm.linear %{{.*}}, %[[T]] {onnx.node_name = "layer"} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x2xf32>
  %y = onnx.MatMul(%x, %w) {onnx.node_name = "layer"} : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// The tied, transposed head: the model's own transpose goes, and one table serves both.
// CHECK-LABEL: func.func @tied_head
func.func @tied_head(%ids: tensor<?xi64>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = onnx.Initializer "table"
  // CHECK-NOT: onnx.Transpose
  // CHECK: %[[E:.*]] = qllm.embedding %{{.*}}, %[[W]]
  // CHECK: qllm.linear %[[E]], %[[W]]
  %w = onnx.Initializer "table" = dense<1.0> : tensor<8x4xf32>
  %e = onnx.Gather(%w, %ids) {axis = 0 : i64} : (tensor<8x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %t = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<8x4xf32>) -> tensor<4x8xf32>
  %y = onnx.MatMul(%e, %t) : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  onnx.Return %y : tensor<?x8xf32>
}

// -----

// Tied the other way round, stored as the head wants it: one transpose, which both read through.
// CHECK-LABEL: func.func @tied_lookup
func.func @tied_lookup(%ids: tensor<?xi64>) -> tensor<?x8xf32> {
  // CHECK: %[[W:.*]] = onnx.Initializer "head"
  // CHECK: %[[T:.*]] = onnx.Transpose(%[[W]])
  // CHECK-NOT: onnx.Transpose
  // CHECK: %[[E:.*]] = qllm.embedding %{{.*}}, %[[T]]
  // CHECK: qllm.linear %[[E]], %[[T]]
  %w = onnx.Initializer "head" = dense<1.0> : tensor<4x8xf32>
  %t = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<4x8xf32>) -> tensor<8x4xf32>
  %e = onnx.Gather(%t, %ids) : (tensor<8x4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  %y = onnx.MatMul(%e, %w) : (tensor<?x4xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  onnx.Return %y : tensor<?x8xf32>
}

// -----

// Gemm says itself which way its weight lies, and its bias comes along.
// CHECK-LABEL: func.func @gemm
func.func @gemm(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  // CHECK: %[[W:.*]] = onnx.Initializer "w"
  // CHECK: %[[B:.*]] = onnx.Initializer "b"
  // CHECK: qllm.linear %{{.*}}, %[[W]] bias(%[[B]])
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  %b = onnx.Initializer "b" = dense<1.0> : tensor<2xf32>
  %y = onnx.Gemm(%x, %w, %b) {transB = 1 : i64} : (tensor<3x4xf32>, tensor<2x4xf32>, tensor<2xf32>) -> tensor<3x2xf32>
  onnx.Return %y : tensor<3x2xf32>
}

// -----

// Attention's own products have no weight, and an outer product with constants (rotary angles) is none either.
// CHECK-LABEL: func.func @no_weight
func.func @no_weight(%q: tensor<?x4xf32>, %k: tensor<4x?xf32>, %p: tensor<1x?xf32>) -> (tensor<?x?xf32>, tensor<4x?xf32>) {
  // CHECK-NOT: qllm
  %f = onnx.Initializer "inv_freq" = dense<1.0> : tensor<4x1xf32>
  %s = onnx.MatMul(%q, %k) : (tensor<?x4xf32>, tensor<4x?xf32>) -> tensor<?x?xf32>
  %a = onnx.MatMul(%f, %p) : (tensor<4x1xf32>, tensor<1x?xf32>) -> tensor<4x?xf32>
  onnx.Return %s, %a : tensor<?x?xf32>, tensor<4x?xf32>
}
