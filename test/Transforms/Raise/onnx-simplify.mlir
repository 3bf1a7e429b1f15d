// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-simplify | FileCheck %s

// CHECK-LABEL: func.func @nothing
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
func.func @nothing(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %0 = onnx.Identity(%x) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = onnx.Cast(%0) {to = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %2 = onnx.Mul(%1, %one) : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  %3 = onnx.Transpose(%2) {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
  %4 = onnx.Transpose(%3) {perm = array<i64: 1, 0>} : (tensor<4x?xf32>) -> tensor<?x4xf32>
  // CHECK-NEXT: onnx.Neg(%[[X]])
  // CHECK-NEXT: onnx.Return
  %5 = onnx.Neg(%4) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  onnx.Return %5 : tensor<?x4xf32>
}

// A product with ones of higher rank adds an axis; a cast that narrows is no view.
// CHECK-LABEL: func.func @something
// CHECK: onnx.Mul
// CHECK: onnx.Cast
// CHECK: onnx.Cast
func.func @something(%x: tensor<?x4xf32>) -> tensor<1x?x4xf32> {
  %one = onnx.Constant() {value = dense<1.0> : tensor<1x1x1xf32>} : () -> tensor<1x1x1xf32>
  %0 = onnx.Mul(%x, %one) : (tensor<?x4xf32>, tensor<1x1x1xf32>) -> tensor<1x?x4xf32>
  %1 = onnx.Cast(%0) {to = 10 : i64} : (tensor<1x?x4xf32>) -> tensor<1x?x4xf16>
  %2 = onnx.Cast(%1) {to = 1 : i64} : (tensor<1x?x4xf16>) -> tensor<1x?x4xf32>
  onnx.Return %2 : tensor<1x?x4xf32>
}

// The tracing exporter asks for the head size of a tensor that says it, and guards Expand against -1.
// CHECK-LABEL: func.func @shape_arithmetic
// CHECK: onnx.Constant() {value = dense<4> : tensor<1xi64>}
// CHECK-NOT: onnx.Gather
// CHECK-NOT: onnx.Expand
func.func @shape_arithmetic(%x: tensor<?x2x8xf32>) -> (tensor<1xi64>, tensor<?x2x8xf32>) {
  %two = onnx.Constant() {value = dense<2> : tensor<i64>} : () -> tensor<i64>
  %first = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %minus = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %3 = onnx.Constant() {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Shape(%x) : (tensor<?x2x8xf32>) -> tensor<3xi64>
  %1 = onnx.Gather(%0, %two) {axis = 0 : i64} : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %2 = onnx.Div(%1, %two) : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %half = onnx.Unsqueeze(%2, %first) : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %ones = onnx.ConstantOfShape(%3) {value = dense<1> : tensor<1xi64>} : (tensor<1xi64>) -> tensor<3xi64>
  %guard = onnx.Equal(%0, %minus) : (tensor<3xi64>, tensor<1xi64>) -> tensor<3xi1>
  %target = onnx.Where(%guard, %ones, %0) : (tensor<3xi1>, tensor<3xi64>, tensor<3xi64>) -> tensor<3xi64>
  %same = onnx.Expand(%x, %target) : (tensor<?x2x8xf32>, tensor<3xi64>) -> tensor<?x2x8xf32>
  %neg = onnx.Neg(%same) : (tensor<?x2x8xf32>) -> tensor<?x2x8xf32>
  onnx.Return %half, %neg : tensor<1xi64>, tensor<?x2x8xf32>
}

// Reshape, Transpose, Reshape around the last two axes.
// CHECK-LABEL: func.func @swap
// CHECK-SAME: (%[[X:.*]]: tensor<?x4x?x8xf32>)
// CHECK-NEXT: %[[Y:.*]] = onnx.Transpose(%[[X]]) {perm = array<i64: 0, 1, 3, 2>} : (tensor<?x4x?x8xf32>) -> tensor<?x4x8x?xf32>
// CHECK-NEXT: onnx.Return %[[Y]]
func.func @swap(%x: tensor<?x4x?x8xf32>) -> tensor<?x4x8x?xf32> {
  %minus = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %batch = onnx.Shape(%x) {end = 1 : i64, start = 0 : i64} : (tensor<?x4x?x8xf32>) -> tensor<1xi64>
  %seq = onnx.Shape(%x) {end = 3 : i64, start = 2 : i64} : (tensor<?x4x?x8xf32>) -> tensor<1xi64>
  %four = onnx.Constant() {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
  %eight = onnx.Constant() {value = dense<8> : tensor<1xi64>} : () -> tensor<1xi64>
  %to3 = onnx.Concat(%minus, %seq, %eight) {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3xi64>
  %to4 = onnx.Concat(%batch, %four, %eight, %seq) {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xi64>
  %0 = onnx.Reshape(%x, %to3) : (tensor<?x4x?x8xf32>, tensor<3xi64>) -> tensor<?x?x8xf32>
  %1 = onnx.Transpose(%0) {perm = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<?x8x?xf32>
  %2 = onnx.Reshape(%1, %to4) : (tensor<?x8x?xf32>, tensor<4xi64>) -> tensor<?x4x8x?xf32>
  onnx.Return %2 : tensor<?x4x8x?xf32>
}

// Older forms.
// CHECK-LABEL: func.func @older_forms
// CHECK: onnx.ReduceMean(%{{.*}}, %{{.*}}) {keepdims = 1 : i64, onnx.node_name = "mean"}
// CHECK: onnx.Unsqueeze
// CHECK-NOT: onnx.Custom "" "Re
func.func @older_forms(%x: tensor<?x4xf32>) -> tensor<1x?x1xf32> {
  %0 = onnx.Custom "" "ReduceMean" (%x) {axes = array<i64: -1>, keepdims = 1 : i64, onnx.node_name = "mean"} : (tensor<?x4xf32>) -> tensor<?x1xf32>
  %1 = onnx.Custom "" "Unsqueeze" (%0) {axes = array<i64: 0>} : (tensor<?x1xf32>) -> tensor<1x?x1xf32>
  onnx.Return %1 : tensor<1x?x1xf32>
}

// A result of the graph stays apart from its inputs, and a transposed weight stays a view.
// CHECK-LABEL: func.func @boundaries
// CHECK: onnx.Transpose
// CHECK: onnx.Identity
func.func @boundaries(%x: tensor<4xf32>) -> (tensor<4xf32>, tensor<3x2xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x3xf32>
  %t = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
  %0 = onnx.Identity(%x) : (tensor<4xf32>) -> tensor<4xf32>
  onnx.Return %0, %t : tensor<4xf32>, tensor<3x2xf32>
}
