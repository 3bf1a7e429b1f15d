// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-share-sizes | FileCheck %s

// A size asked of a late value is asked of the first value that has it, so the late one can go.
// CHECK-LABEL: func.func @sizes
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>)
// CHECK-NEXT: %[[S:.*]] = onnx.Shape(%[[X]]) {end = 1 : i64, start = 0 : i64}
// CHECK-NOT: onnx.Neg
// CHECK: onnx.Return
func.func @sizes(%x: tensor<?x4xf32>) -> tensor<i64> {
  %zero = onnx.Constant() {value = dense<0> : tensor<i64>} : () -> tensor<i64>
  %0 = onnx.Neg(%x) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %1 = onnx.Shape(%0) : (tensor<?x4xf32>) -> tensor<2xi64>
  %2 = onnx.Gather(%1, %zero) {axis = 0 : i64} : (tensor<2xi64>, tensor<i64>) -> tensor<i64>
  onnx.Return %2 : tensor<i64>
}

// Two sizes that may differ stay apart; the first that has the size answers for itself.
// CHECK-LABEL: func.func @different
// CHECK: onnx.Shape(%arg0) {end = 1 : i64, start = 0 : i64}
// CHECK: onnx.Shape(%arg1) {end = 1 : i64, start = 0 : i64}
// CHECK-NOT: onnx.Shape
func.func @different(%x: tensor<?x4xf32>, %y: tensor<?x4xf32>) -> (tensor<1xi64>, tensor<1xi64>) {
  %0 = onnx.Shape(%x) {end = 1 : i64, start = 0 : i64} : (tensor<?x4xf32>) -> tensor<1xi64>
  %1 = onnx.Shape(%y) {end = 1 : i64, start = 0 : i64} : (tensor<?x4xf32>) -> tensor<1xi64>
  onnx.Return %0, %1 : tensor<1xi64>, tensor<1xi64>
}
