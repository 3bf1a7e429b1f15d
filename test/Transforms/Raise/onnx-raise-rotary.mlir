// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-raise-rotary | FileCheck %s

// One frequency table in both halves, a batch of one: the tables are made from the half and expanded to the batch of x.
// CHECK-LABEL: func.func @rotate
// CHECK-SAME: (%[[X:.*]]: tensor<?x2x?x4xf32>, %[[F:.*]]: tensor<1x?x2xf32>)
func.func @rotate(%x: tensor<?x2x?x4xf32>, %f: tensor<1x?x2xf32>) -> tensor<?x2x?x4xf32> {
  %zero = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %one = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %two = onnx.Constant() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %three = onnx.Constant() {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
  %end = onnx.Constant() {value = dense<9223372036854775807> : tensor<1xi64>} : () -> tensor<1xi64>
  // CHECK-DAG: %[[COS:.*]] = onnx.Cos(%[[F]]) : (tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
  // CHECK-DAG: %[[SIN:.*]] = onnx.Sin(%[[F]]) : (tensor<1x?x2xf32>) -> tensor<1x?x2xf32>
  // CHECK-DAG: %[[WIDECOS:.*]] = onnx.Expand(%[[COS]], %{{.*}}) : (tensor<1x?x2xf32>, tensor<3xi64>) -> tensor<?x?x2xf32>
  // CHECK-DAG: %[[WIDESIN:.*]] = onnx.Expand(%[[SIN]], %{{.*}})
  %c = onnx.Concat(%f, %f) {axis = -1 : i64} : (tensor<1x?x2xf32>, tensor<1x?x2xf32>) -> tensor<1x?x4xf32>
  %0 = onnx.Cos(%c) : (tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %1 = onnx.Sin(%c) : (tensor<1x?x4xf32>) -> tensor<1x?x4xf32>
  %cos = onnx.Unsqueeze(%0, %one) : (tensor<1x?x4xf32>, tensor<1xi64>) -> tensor<1x1x?x4xf32>
  %sin = onnx.Unsqueeze(%1, %one) : (tensor<1x?x4xf32>, tensor<1xi64>) -> tensor<1x1x?x4xf32>
  %low = onnx.Slice(%x, %zero, %two, %three, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<?x2x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2x?x2xf32>
  %high = onnx.Slice(%x, %two, %end, %three, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<?x2x?x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x2x?x2xf32>
  %neg = onnx.Neg(%high) : (tensor<?x2x?x2xf32>) -> tensor<?x2x?x2xf32>
  %turned = onnx.Concat(%neg, %low) {axis = -1 : i64} : (tensor<?x2x?x2xf32>, tensor<?x2x?x2xf32>) -> tensor<?x2x?x4xf32>
  %a = onnx.Mul(%x, %cos) : (tensor<?x2x?x4xf32>, tensor<1x1x?x4xf32>) -> tensor<?x2x?x4xf32>
  %b = onnx.Mul(%turned, %sin) : (tensor<?x2x?x4xf32>, tensor<1x1x?x4xf32>) -> tensor<?x2x?x4xf32>
  // CHECK: onnx.RotaryEmbedding(%[[X]], %[[WIDECOS]], %[[WIDESIN]]) {{.*}}: (tensor<?x2x?x4xf32>, tensor<?x?x2xf32>, tensor<?x?x2xf32>)
  // CHECK-NEXT: onnx.Return
  %y = onnx.Add(%a, %b) : (tensor<?x2x?x4xf32>, tensor<?x2x?x4xf32>) -> tensor<?x2x?x4xf32>
  onnx.Return %y : tensor<?x2x?x4xf32>
}

// Two different tables: the halves are not equal.
// CHECK-LABEL: func.func @different_halves
// CHECK-NOT: onnx.RotaryEmbedding
func.func @different_halves(%x: tensor<1x2x3x4xf32>, %f: tensor<1x3x2xf32>, %g: tensor<1x3x2xf32>) -> tensor<1x2x3x4xf32> {
  %zero = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %one = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %two = onnx.Constant() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %three = onnx.Constant() {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
  %four = onnx.Constant() {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
  %c = onnx.Concat(%f, %g) {axis = -1 : i64} : (tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x3x4xf32>
  %0 = onnx.Cos(%c) : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %1 = onnx.Sin(%c) : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %cos = onnx.Unsqueeze(%0, %one) : (tensor<1x3x4xf32>, tensor<1xi64>) -> tensor<1x1x3x4xf32>
  %sin = onnx.Unsqueeze(%1, %one) : (tensor<1x3x4xf32>, tensor<1xi64>) -> tensor<1x1x3x4xf32>
  %low = onnx.Slice(%x, %zero, %two, %three, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
  %high = onnx.Slice(%x, %two, %four, %three, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
  %neg = onnx.Neg(%high) : (tensor<1x2x3x2xf32>) -> tensor<1x2x3x2xf32>
  %turned = onnx.Concat(%neg, %low) {axis = -1 : i64} : (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) -> tensor<1x2x3x4xf32>
  %a = onnx.Mul(%x, %cos) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %b = onnx.Mul(%turned, %sin) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %y = onnx.Add(%a, %b) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  onnx.Return %y : tensor<1x2x3x4xf32>
}

// The other sign turns the other way.
// CHECK-LABEL: func.func @other_sign
// CHECK-NOT: onnx.RotaryEmbedding
func.func @other_sign(%x: tensor<1x2x3x4xf32>, %f: tensor<1x3x2xf32>) -> tensor<1x2x3x4xf32> {
  %zero = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %one = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %two = onnx.Constant() {value = dense<2> : tensor<1xi64>} : () -> tensor<1xi64>
  %three = onnx.Constant() {value = dense<3> : tensor<1xi64>} : () -> tensor<1xi64>
  %four = onnx.Constant() {value = dense<4> : tensor<1xi64>} : () -> tensor<1xi64>
  %c = onnx.Concat(%f, %f) {axis = -1 : i64} : (tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x3x4xf32>
  %0 = onnx.Cos(%c) : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %1 = onnx.Sin(%c) : (tensor<1x3x4xf32>) -> tensor<1x3x4xf32>
  %cos = onnx.Unsqueeze(%0, %one) : (tensor<1x3x4xf32>, tensor<1xi64>) -> tensor<1x1x3x4xf32>
  %sin = onnx.Unsqueeze(%1, %one) : (tensor<1x3x4xf32>, tensor<1xi64>) -> tensor<1x1x3x4xf32>
  %low = onnx.Slice(%x, %zero, %two, %three, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
  %high = onnx.Slice(%x, %two, %four, %three, %one) {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<1x2x3x4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1x2x3x2xf32>
  %neg = onnx.Neg(%low) : (tensor<1x2x3x2xf32>) -> tensor<1x2x3x2xf32>
  %turned = onnx.Concat(%high, %neg) {axis = -1 : i64} : (tensor<1x2x3x2xf32>, tensor<1x2x3x2xf32>) -> tensor<1x2x3x4xf32>
  %a = onnx.Mul(%x, %cos) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %b = onnx.Mul(%turned, %sin) : (tensor<1x2x3x4xf32>, tensor<1x1x3x4xf32>) -> tensor<1x2x3x4xf32>
  %y = onnx.Add(%a, %b) : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  onnx.Return %y : tensor<1x2x3x4xf32>
}
