// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-raise-attention -split-input-file -verify-diagnostics | FileCheck %s

// Heads repeated by Unsqueeze, Expand, Reshape; the scale on both operands; PyTorch's zeros for a fully masked row.
// CHECK-LABEL: func.func @grouped_safe
// CHECK-SAME: (%[[Q:.*]]: tensor<2x4x3x8xf32>, %[[K:.*]]: tensor<2x2x5x8xf32>, %[[V:.*]]: tensor<2x2x5x8xf32>, %[[M:.*]]: tensor<2x1x3x5xf32>)
func.func @grouped_safe(%q: tensor<2x4x3x8xf32>, %k: tensor<2x2x5x8xf32>, %v: tensor<2x2x5x8xf32>, %m: tensor<2x1x3x5xf32>) -> tensor<2x4x3x8xf32> {
  %axis = onnx.Constant() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %wide = onnx.Constant() {value = dense<[2, 2, 2, 5, 8]> : tensor<5xi64>} : () -> tensor<5xi64>
  %flat = onnx.Constant() {value = dense<[2, 4, -1, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %half = onnx.Constant() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %zero = onnx.Constant() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %k0 = onnx.Unsqueeze(%k, %axis) : (tensor<2x2x5x8xf32>, tensor<1xi64>) -> tensor<2x2x1x5x8xf32>
  %k1 = onnx.Expand(%k0, %wide) : (tensor<2x2x1x5x8xf32>, tensor<5xi64>) -> tensor<2x2x2x5x8xf32>
  %k2 = onnx.Reshape(%k1, %flat) : (tensor<2x2x2x5x8xf32>, tensor<4xi64>) -> tensor<2x4x5x8xf32>
  %v0 = onnx.Unsqueeze(%v, %axis) : (tensor<2x2x5x8xf32>, tensor<1xi64>) -> tensor<2x2x1x5x8xf32>
  %v1 = onnx.Expand(%v0, %wide) : (tensor<2x2x1x5x8xf32>, tensor<5xi64>) -> tensor<2x2x2x5x8xf32>
  %v2 = onnx.Reshape(%v1, %flat) : (tensor<2x2x2x5x8xf32>, tensor<4xi64>) -> tensor<2x4x5x8xf32>
  %t = onnx.Transpose(%k2) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x5x8xf32>) -> tensor<2x4x8x5xf32>
  %qs = onnx.Mul(%q, %half) : (tensor<2x4x3x8xf32>, tensor<f32>) -> tensor<2x4x3x8xf32>
  %ts = onnx.Mul(%t, %half) : (tensor<2x4x8x5xf32>, tensor<f32>) -> tensor<2x4x8x5xf32>
  %0 = onnx.MatMul(%qs, %ts) : (tensor<2x4x3x8xf32>, tensor<2x4x8x5xf32>) -> tensor<2x4x3x5xf32>
  %1 = onnx.Add(%0, %m) : (tensor<2x4x3x5xf32>, tensor<2x1x3x5xf32>) -> tensor<2x4x3x5xf32>
  %2 = onnx.Softmax(%1) {axis = -1 : i64} : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
  %3 = onnx.IsNaN(%2) : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xi1>
  %4 = onnx.Where(%3, %zero, %2) : (tensor<2x4x3x5xi1>, tensor<f32>, tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
  // CHECK-NEXT: %[[Y:.*]] = onnx.Attention(%[[Q]], %[[K]], %[[V]], %[[M]])
  // CHECK-SAME: scale = 2.500000e-01 : f32
  // CHECK-NEXT: onnx.Return %[[Y]]
  %5 = onnx.MatMul(%4, %v2) : (tensor<2x4x3x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %5 : tensor<2x4x3x8xf32>
}

// -----

// Without a mask a bare softmax is the same; the scale may divide the scores.
// CHECK-LABEL: func.func @no_mask
func.func @no_mask(%q: tensor<2x4x3x8xf32>, %t: tensor<2x5x4x8xf32>, %v: tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32> {
  %four = onnx.Constant() {value = dense<4.0> : tensor<f32>} : () -> tensor<f32>
  // Straight from [batch, sequence, heads, size]: the key itself gets its own transpose.
  // CHECK: onnx.Transpose(%{{.*}}) {perm = array<i64: 0, 2, 1, 3>} : (tensor<2x5x4x8xf32>) -> tensor<2x4x5x8xf32>
  %k = onnx.Transpose(%t) {perm = array<i64: 0, 2, 3, 1>} : (tensor<2x5x4x8xf32>) -> tensor<2x4x8x5xf32>
  %0 = onnx.MatMul(%q, %k) : (tensor<2x4x3x8xf32>, tensor<2x4x8x5xf32>) -> tensor<2x4x3x5xf32>
  %1 = onnx.Div(%0, %four) : (tensor<2x4x3x5xf32>, tensor<f32>) -> tensor<2x4x3x5xf32>
  %2 = onnx.Softmax(%1) : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
  // CHECK: onnx.Attention(%{{.*}}, %{{.*}}, %{{.*}}) {{.*}}scale = 2.500000e-01
  %3 = onnx.MatMul(%2, %v) : (tensor<2x4x3x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %3 : tensor<2x4x3x8xf32>
}

// -----

// A mask from two finite constants never masks by infinity.
// CHECK-LABEL: func.func @finite_mask
// CHECK: onnx.Attention
func.func @finite_mask(%q: tensor<2x4x3x8xf32>, %k: tensor<2x4x8x3xf32>, %v: tensor<2x4x3x8xf32>, %keep: tensor<3x3xi1>) -> tensor<2x4x3x8xf32> {
  %zero = onnx.Constant() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %low = onnx.Constant() {value = dense<-3.40282347E+38> : tensor<f32>} : () -> tensor<f32>
  %m = onnx.Where(%keep, %zero, %low) : (tensor<3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<3x3xf32>
  %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x8x3xf32>) -> tensor<2x4x3x8xf32>
  %tt = onnx.Transpose(%t) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x3x8xf32>) -> tensor<2x4x8x3xf32>
  %0 = onnx.MatMul(%q, %tt) : (tensor<2x4x3x8xf32>, tensor<2x4x8x3xf32>) -> tensor<2x4x3x3xf32>
  %1 = onnx.Add(%0, %m) : (tensor<2x4x3x3xf32>, tensor<3x3xf32>) -> tensor<2x4x3x3xf32>
  %2 = onnx.Softmax(%1) : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  %3 = onnx.MatMul(%2, %v) : (tensor<2x4x3x3xf32>, tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %3 : tensor<2x4x3x8xf32>
}

// -----

// A bare softmax over minus infinity gives NaN; the operator would not.
// CHECK-LABEL: func.func @infinite_mask
// CHECK-NOT: onnx.Attention
func.func @infinite_mask(%q: tensor<2x4x3x8xf32>, %k: tensor<2x4x3x8xf32>, %v: tensor<2x4x3x8xf32>, %keep: tensor<3x3xi1>) -> tensor<2x4x3x8xf32> {
  %zero = onnx.Constant() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %low = onnx.Constant() {value = dense<0xFF800000> : tensor<f32>} : () -> tensor<f32>
  %m = onnx.Where(%keep, %zero, %low) : (tensor<3x3xi1>, tensor<f32>, tensor<f32>) -> tensor<3x3xf32>
  %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x3x8xf32>) -> tensor<2x4x8x3xf32>
  %0 = onnx.MatMul(%q, %t) : (tensor<2x4x3x8xf32>, tensor<2x4x8x3xf32>) -> tensor<2x4x3x3xf32>
  %1 = onnx.Add(%0, %m) : (tensor<2x4x3x3xf32>, tensor<3x3xf32>) -> tensor<2x4x3x3xf32>
  %2 = onnx.Softmax(%1) : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  // expected-remark @+1 {{not raised to attention: a row masked by minus infinity gives NaN here and zeros in the operator, and the mask is not provably finite}}
  %3 = onnx.MatMul(%2, %v) : (tensor<2x4x3x3xf32>, tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %3 : tensor<2x4x3x8xf32>
}

// -----

// A softmax over the queries is another thing.
// CHECK-LABEL: func.func @other_axis
// CHECK-NOT: onnx.Attention
func.func @other_axis(%q: tensor<2x4x3x8xf32>, %k: tensor<2x4x3x8xf32>, %v: tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32> {
  %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x3x8xf32>) -> tensor<2x4x8x3xf32>
  %0 = onnx.MatMul(%q, %t) : (tensor<2x4x3x8xf32>, tensor<2x4x8x3xf32>) -> tensor<2x4x3x3xf32>
  %1 = onnx.Softmax(%0) {axis = 2 : i64} : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  %2 = onnx.MatMul(%1, %v) : (tensor<2x4x3x3xf32>, tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %2 : tensor<2x4x3x8xf32>
}

// -----

// Queries of one batch entry would be broadcast by MatMul, not by the operator.
// CHECK-LABEL: func.func @batch_broadcast
// CHECK-NOT: onnx.Attention
func.func @batch_broadcast(%q: tensor<1x4x3x8xf32>, %k: tensor<2x4x3x8xf32>, %v: tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32> {
  %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x3x8xf32>) -> tensor<2x4x8x3xf32>
  %0 = onnx.MatMul(%q, %t) : (tensor<1x4x3x8xf32>, tensor<2x4x8x3xf32>) -> tensor<2x4x3x3xf32>
  %1 = onnx.Softmax(%0) : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32>
  // expected-remark @+1 {{not raised to attention: query, key and value are not known to have the same batch}}
  %2 = onnx.MatMul(%1, %v) : (tensor<2x4x3x3xf32>, tensor<2x4x3x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %2 : tensor<2x4x3x8xf32>
}

// -----

// Add spreads a mask of one column over all keys; the operator would fill the rest with minus infinity.
// CHECK-LABEL: func.func @mask_column
// CHECK: %[[KEYS:.*]] = onnx.Shape(%{{.*}}) {end = 3 : i64, start = 2 : i64}
// CHECK: %[[WIDE:.*]] = onnx.Expand(%{{.*}}, %[[KEYS]]) : (tensor<3x1xf32>, tensor<1xi64>) -> tensor<3x5xf32>
// CHECK: onnx.Attention(%{{.*}}, %{{.*}}, %{{.*}}, %[[WIDE]])
func.func @mask_column(%q: tensor<2x4x3x8xf32>, %k: tensor<2x4x5x8xf32>, %v: tensor<2x4x5x8xf32>, %m: tensor<3x1xf32>) -> tensor<2x4x3x8xf32> {
  %zero = onnx.Constant() {value = dense<0.0> : tensor<f32>} : () -> tensor<f32>
  %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<2x4x5x8xf32>) -> tensor<2x4x8x5xf32>
  %0 = onnx.MatMul(%q, %t) : (tensor<2x4x3x8xf32>, tensor<2x4x8x5xf32>) -> tensor<2x4x3x5xf32>
  %1 = onnx.Add(%0, %m) : (tensor<2x4x3x5xf32>, tensor<3x1xf32>) -> tensor<2x4x3x5xf32>
  %2 = onnx.Softmax(%1) : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
  %3 = onnx.IsNaN(%2) : (tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xi1>
  %4 = onnx.Where(%3, %zero, %2) : (tensor<2x4x3x5xi1>, tensor<f32>, tensor<2x4x3x5xf32>) -> tensor<2x4x3x5xf32>
  %5 = onnx.MatMul(%4, %v) : (tensor<2x4x3x5xf32>, tensor<2x4x5x8xf32>) -> tensor<2x4x3x8xf32>
  onnx.Return %5 : tensor<2x4x3x8xf32>
}

// -----

// The repetition is taken into an operator that is there already; a copy of another order is not.
// CHECK-LABEL: func.func @share_heads
// CHECK-SAME: (%[[Q:.*]]: tensor<1x4x3x8xf32>, %[[K:.*]]: tensor<1x2x3x8xf32>
// CHECK-NEXT: onnx.Attention(%[[Q]], %[[K]], %[[K]])
func.func @share_heads(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x3x8xf32>) -> tensor<1x4x3x8xf32> {
  %axis = onnx.Constant() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %wide = onnx.Constant() {value = dense<[1, 1, 2, 1, 1]> : tensor<5xi64>} : () -> tensor<5xi64>
  %flat = onnx.Constant() {value = dense<[0, 4, -1, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %k0 = onnx.Unsqueeze(%k, %axis) : (tensor<1x2x3x8xf32>, tensor<1xi64>) -> tensor<1x2x1x3x8xf32>
  %k1 = onnx.Expand(%k0, %wide) : (tensor<1x2x1x3x8xf32>, tensor<5xi64>) -> tensor<1x2x2x3x8xf32>
  %k2 = onnx.Reshape(%k1, %flat) : (tensor<1x2x2x3x8xf32>, tensor<4xi64>) -> tensor<1x4x3x8xf32>
  %y = onnx.Attention(%q, %k2, %k2) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>, scale = 0.5 : f32} : (tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>) -> tensor<1x4x3x8xf32>
  onnx.Return %y : tensor<1x4x3x8xf32>
}

// -----

// The new axis in front of the heads repeats the block of heads, not each head.
// CHECK-LABEL: func.func @repeat_block
// CHECK: onnx.Reshape
// CHECK: onnx.Attention
func.func @repeat_block(%q: tensor<1x4x3x8xf32>, %k: tensor<1x2x3x8xf32>) -> tensor<1x4x3x8xf32> {
  %axis = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %wide = onnx.Constant() {value = dense<[1, 2, 2, 3, 8]> : tensor<5xi64>} : () -> tensor<5xi64>
  %flat = onnx.Constant() {value = dense<[1, 4, 3, 8]> : tensor<4xi64>} : () -> tensor<4xi64>
  %k0 = onnx.Unsqueeze(%k, %axis) : (tensor<1x2x3x8xf32>, tensor<1xi64>) -> tensor<1x1x2x3x8xf32>
  %k1 = onnx.Expand(%k0, %wide) : (tensor<1x1x2x3x8xf32>, tensor<5xi64>) -> tensor<1x2x2x3x8xf32>
  %k2 = onnx.Reshape(%k1, %flat) : (tensor<1x2x2x3x8xf32>, tensor<4xi64>) -> tensor<1x4x3x8xf32>
  %y = onnx.Attention(%q, %k2, %k2) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>, scale = 0.5 : f32} : (tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>, tensor<1x4x3x8xf32>) -> tensor<1x4x3x8xf32>
  onnx.Return %y : tensor<1x4x3x8xf32>
}
