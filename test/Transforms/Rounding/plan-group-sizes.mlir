// RUN: qllm-opt --qllm-plan-group-sizes="smallest=2 shrink=0.8" %s | FileCheck %s
// RUN: not qllm-opt --qllm-plan-group-sizes="smallest=1" %s 2>&1 | FileCheck %s --check-prefix=SMALLEST
// RUN: not qllm-opt --qllm-plan-group-sizes="shrink=1.5" %s 2>&1 | FileCheck %s --check-prefix=SHRINK

// SMALLEST: expected at least 2 as smallest, but got 1
// SHRINK: expected a shrink above 0 and at most 1, but got 1.50

// Mean magnitudes: 8 for the row, (8 + 1) / 2 for halves, (8 + 1 + 1 + 1) / 4 for quarters.
// CHECK-LABEL: func.func @down_to_the_smallest
// CHECK: #qllm.int<4>, group<1, 2>
func.func @down_to_the_smallest(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  %w = onnx.Initializer "w" = dense<[[8.0, 7.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0]]> : tensor<1x8xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<1x8, #qllm.int<4>, per_channel<0>>}}
      : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// Halves shrink to 4.5 / 8, but quarters stay at 4.5: one more halving buys nothing.
// CHECK-LABEL: func.func @stops_where_halves_do_not_shrink
// CHECK: #qllm.int<4>, group<1, 4>
func.func @stops_where_halves_do_not_shrink(%x: tensor<?x8xf32>) -> tensor<?x1xf32> {
  %w = onnx.Initializer "w" = dense<[[8.0, 7.0, 8.0, 1.0, 1.0, 1.0, 1.0, -1.0]]> : tensor<1x8xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<1x8, #qllm.int<4>, per_channel<0>>}}
      : (tensor<?x8xf32>, tensor<1x8xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}

// With zero points a range is max - min: 1 and 16 in these rows, and in their halves.
// CHECK-LABEL: func.func @asymmetric_ranges_are_differences
// CHECK: #qllm.int<4, asymmetric>, per_channel<0>
func.func @asymmetric_ranges_are_differences(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[8.0, 7.0, 8.0, 7.0], [-8.0, 8.0, -8.0, 8.0]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4, asymmetric>, per_channel<0>>}}
      : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// An odd number of columns has no halves; a plan in groups was decided by somebody else; no plan, nothing to do.
// CHECK-LABEL: func.func @left_alone
// CHECK: per_channel<0>
// CHECK: group<1, 4>
// CHECK-NOT: qllm.plan
func.func @left_alone(%x: tensor<?x3xf32>, %z: tensor<?x4xf32>) -> (tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>) {
  %odd = onnx.Initializer "odd" = dense<[[8.0, 1.0, 1.0]]> : tensor<1x3xf32>
  %w = onnx.Initializer "w" = dense<[[8.0, 7.0, 1.0, 1.0]]> : tensor<1x4xf32>
  %a = qllm.linear %x, %odd {qllm.plan = {weight = !qllm.quantized<1x3, #qllm.int<4>, per_channel<0>>}}
      : (tensor<?x3xf32>, tensor<1x3xf32>) -> tensor<?x1xf32>
  %b = qllm.linear %z, %w {qllm.plan = {weight = !qllm.quantized<1x4, #qllm.int<4>, group<1, 4>>}}
      : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  %c = qllm.linear %z, %w : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %a, %b, %c : tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x1xf32>
}

// The size is the one of [out, in], wherever the file has the values; what is scaled by f16 stays so.
// CHECK-LABEL: func.func @behind_a_transpose
// CHECK: !qllm.quantized<1x4, #qllm.int<4>, group<1, 2>, scale = f16>
func.func @behind_a_transpose(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %stored = onnx.Initializer "w" = dense<[[8.0], [7.0], [1.0], [1.0]]> : tensor<4x1xf32>
  %w = onnx.Transpose(%stored) {perm = array<i64: 1, 0>} : (tensor<4x1xf32>) -> tensor<1x4xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<1x4, #qllm.int<4>, per_channel<0>, scale = f16>}}
      : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  return %y : tensor<?x1xf32>
}
