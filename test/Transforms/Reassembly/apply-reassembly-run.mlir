// What reassembly does to the function, quantizers off: a split changes nothing, and a merge of two
// channels changes the output by (x_i - x_j)(w_i - w_j)/2.
// RUN: qllm-translate --run --function=split_is_exact %s
// RUN: not qllm-translate --run --function=error_of_a_merge %s 2> /dev/null
// RUN: qllm-opt %s -qllm-apply-reassembly -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: qllm-translate --run --function=split_is_exact %t.mlir
// RUN: qllm-translate --run --function=error_of_a_merge %t.mlir

// CHECK-LABEL: func.func @split_is_exact
// CHECK: qllm.split_channels
func.func @split_is_exact() {
  %x = onnx.Initializer "x" = dense<[[1.0, -24.0, 3.0], [0.5, 12.0, -2.0]]> : tensor<2x3xf32>
  %w = onnx.Initializer "w" = dense<[[1.0, 0.5, -1.0], [2.0, -1.5, 3.0]]> : tensor<2x3xf32>
  %b = onnx.Initializer "b" = dense<[10.0, 20.0]> : tensor<2xf32>
  %wanted = onnx.Initializer "wanted" = dense<[[-4.0, 67.0], [18.5, -3.0]]> : tensor<2x2xf32>
  %y = qllm.linear %x, %w bias(%b) {qllm.reassembly = {parts = array<i64: 1, 8, 2>}} : (tensor<2x3xf32>, tensor<2x3xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  check.expect_close %y, %wanted : tensor<2x2xf32>, tensor<2x2xf32>
  return
}

// Channels 0 and 2 are merged: x_0 - x_2 = -2 and w_0 - w_2 = (2, -4).
// CHECK-LABEL: func.func @error_of_a_merge
// CHECK: qllm.merge_channels
func.func @error_of_a_merge() {
  %x = onnx.Initializer "x2" = dense<[[1.0, 6.0, 3.0]]> : tensor<1x3xf32>
  %w = onnx.Initializer "w2" = dense<[[1.0, 0.5, -1.0], [-1.0, 2.0, 3.0]]> : tensor<2x3xf32>
  %error = onnx.Initializer "error" = dense<[[-2.0, 4.0]]> : tensor<1x2xf32>
  %whole = qllm.linear %x, %w : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  %merged = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 1, 2, 1>, targets = array<i64: 0, 1, 2, 0>}} : (tensor<1x3xf32>, tensor<2x3xf32>) -> tensor<1x2xf32>
  %lost = onnx.Sub(%whole, %merged) : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x2xf32>
  check.expect_close %lost, %error : tensor<1x2xf32>, tensor<1x2xf32>
  return
}
