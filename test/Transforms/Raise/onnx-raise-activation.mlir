// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-raise-activation | FileCheck %s

// CHECK-LABEL: func.func @gelu_erf
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>)
func.func @gelu_erf(%x: tensor<4xf32>) -> tensor<4xf32> {
  %root = onnx.Constant() {value = dense<1.41421354> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = onnx.Constant() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %0 = onnx.Div(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.Erf(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = onnx.Add(%1, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = onnx.Mul(%x, %2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK-NEXT: %[[Y:.*]] = onnx.Gelu(%[[X]]) {approximate = "none"}
  // CHECK-NEXT: onnx.Return %[[Y]]
  %4 = onnx.Mul(%3, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  onnx.Return %4 : tensor<4xf32>
}

// The half first, and the argument as a product.
// CHECK-LABEL: func.func @gelu_erf_half_first
func.func @gelu_erf_half_first(%x: tensor<4xf32>) -> tensor<4xf32> {
  %root = onnx.Constant() {value = dense<0.707106769> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = onnx.Constant() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %0 = onnx.Mul(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.Erf(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = onnx.Add(%one, %1) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = onnx.Mul(%half, %x) : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  // CHECK-NEXT: onnx.Gelu
  // CHECK-NEXT: onnx.Return
  %4 = onnx.Mul(%2, %3) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  onnx.Return %4 : tensor<4xf32>
}

// CHECK-LABEL: func.func @gelu_tanh
func.func @gelu_tanh(%x: tensor<4xf32>) -> tensor<4xf32> {
  %three = onnx.Constant() {value = dense<3.0> : tensor<f32>} : () -> tensor<f32>
  %c = onnx.Constant() {value = dense<0.0447149985> : tensor<f32>} : () -> tensor<f32>
  %s = onnx.Constant() {value = dense<0.797884583> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = onnx.Constant() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %h = onnx.Mul(%x, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %0 = onnx.Pow(%x, %three) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.Mul(%0, %c) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %2 = onnx.Add(%x, %1) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = onnx.Mul(%2, %s) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %4 = onnx.Tanh(%3) : (tensor<4xf32>) -> tensor<4xf32>
  %5 = onnx.Add(%4, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  // CHECK-NEXT: onnx.Gelu(%{{.*}}) {approximate = "tanh"}
  // CHECK-NEXT: onnx.Return
  %6 = onnx.Mul(%h, %5) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  onnx.Return %6 : tensor<4xf32>
}

// Another constant is another function.
// CHECK-LABEL: func.func @not_gelu
// CHECK-NOT: onnx.Gelu
func.func @not_gelu(%x: tensor<4xf32>) -> tensor<4xf32> {
  %root = onnx.Constant() {value = dense<1.414> : tensor<f32>} : () -> tensor<f32>
  %one = onnx.Constant() {value = dense<1.0> : tensor<f32>} : () -> tensor<f32>
  %half = onnx.Constant() {value = dense<0.5> : tensor<f32>} : () -> tensor<f32>
  %0 = onnx.Div(%x, %root) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %1 = onnx.Erf(%0) : (tensor<4xf32>) -> tensor<4xf32>
  %2 = onnx.Add(%1, %one) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %3 = onnx.Mul(%x, %2) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = onnx.Mul(%3, %half) : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  onnx.Return %4 : tensor<4xf32>
}

// CHECK-LABEL: func.func @silu_order
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[S:.*]] = onnx.Sigmoid(%[[X]])
// CHECK-NEXT: onnx.Mul(%[[X]], %[[S]])
func.func @silu_order(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = onnx.Sigmoid(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = onnx.Mul(%0, %x) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  onnx.Return %1 : tensor<4xf32>
}

// CHECK-LABEL: func.func @swish
// CHECK: onnx.Sigmoid
// CHECK-NEXT: onnx.Mul
// CHECK: onnx.Swish(%{{.*}}) {alpha = 2.000000e+00 : f32}
func.func @swish(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = onnx.Swish(%x) : (tensor<4xf32>) -> tensor<4xf32>
  %1 = onnx.Swish(%0) {alpha = 2.0 : f32} : (tensor<4xf32>) -> tensor<4xf32>
  onnx.Return %1 : tensor<4xf32>
}
