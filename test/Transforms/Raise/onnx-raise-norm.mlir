// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-raise-norm | FileCheck %s

// The reciprocal form of the PyTorch exporter.
// CHECK-LABEL: func.func @rms_reciprocal
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>)
func.func @rms_reciprocal(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %g = onnx.Initializer "g" = dense<2.0> : tensor<8xf32>
  %two = onnx.Constant() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant() {value = dense<1.0e-05> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Pow(%x, %two) : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) {keepdims = 1 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Reciprocal(%3) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %5 = onnx.Mul(%x, %4) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  // The name of the last node is kept.
  // CHECK: %[[G:.*]] = onnx.Initializer "g"
  // CHECK-NEXT: %[[Y:.*]] = onnx.RMSNormalization(%[[X]], %[[G]]) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32, onnx.node_name = "norm"}
  // CHECK-NEXT: onnx.Return %[[Y]]
  %6 = onnx.Mul(%g, %5) {onnx.node_name = "norm"} : (tensor<8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  onnx.Return %6 : tensor<?x8xf32>
}

// Division by the root, the square as a product, the gain on the right.
// CHECK-LABEL: func.func @rms_div_mul
func.func @rms_div_mul(%x: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
  %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<1xf32>} : () -> tensor<1xf32>
  %axes = onnx.Constant() {value = dense<1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Mul(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%eps, %1) : (tensor<1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Div(%x, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  // CHECK: onnx.RMSNormalization(%{{.*}}, %{{.*}}) {axis = -1 : i64, epsilon = 9.99999997E-7 : f32}
  // CHECK-NOT: onnx.Div
  %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %5 : tensor<?x8xf32>
}

// The mean over another axis is not this normalization.
// CHECK-LABEL: func.func @rms_other_axis
// CHECK-NOT: onnx.RMSNormalization
func.func @rms_other_axis(%x: tensor<8x8xf32>, %g: tensor<8xf32>) -> tensor<8x8xf32> {
  %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<0> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Mul(%x, %x) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<8x8xf32>, tensor<1xi64>) -> tensor<1x8xf32>
  %2 = onnx.Add(%eps, %1) : (tensor<f32>, tensor<1x8xf32>) -> tensor<1x8xf32>
  %3 = onnx.Sqrt(%2) : (tensor<1x8xf32>) -> tensor<1x8xf32>
  %4 = onnx.Div(%x, %3) : (tensor<8x8xf32>, tensor<1x8xf32>) -> tensor<8x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<8x8xf32>, tensor<8xf32>) -> tensor<8x8xf32>
  onnx.Return %5 : tensor<8x8xf32>
}

// The gain must be a vector: a matrix would scale rows differently.
// CHECK-LABEL: func.func @rms_gain_matrix
// CHECK-NOT: onnx.RMSNormalization
func.func @rms_gain_matrix(%x: tensor<8x8xf32>, %g: tensor<8x8xf32>) -> tensor<8x8xf32> {
  %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Mul(%x, %x) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<8x8xf32>, tensor<1xi64>) -> tensor<8x1xf32>
  %2 = onnx.Add(%eps, %1) : (tensor<f32>, tensor<8x1xf32>) -> tensor<8x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<8x1xf32>) -> tensor<8x1xf32>
  %4 = onnx.Div(%x, %3) : (tensor<8x8xf32>, tensor<8x1xf32>) -> tensor<8x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<8x8xf32>, tensor<8x8xf32>) -> tensor<8x8xf32>
  onnx.Return %5 : tensor<8x8xf32>
}

// The normalized value must be the one that was squared.
// CHECK-LABEL: func.func @rms_of_other_value
// CHECK-NOT: onnx.RMSNormalization
func.func @rms_of_other_value(%x: tensor<?x8xf32>, %z: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
  %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Mul(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Div(%z, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %5 : tensor<?x8xf32>
}

// CHECK-LABEL: func.func @layer_norm
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %[[G:.*]]: tensor<8xf32>, %[[B:.*]]: tensor<8xf32>)
func.func @layer_norm(%x: tensor<?x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %two = onnx.Constant() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant() {value = dense<1.0e-12> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %m = onnx.ReduceMean(%x, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %d = onnx.Sub(%x, %m) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %0 = onnx.Pow(%d, %two) : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Div(%d, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  // CHECK-NEXT: %[[Y:.*]] = onnx.LayerNormalization(%[[X]], %[[G]], %[[B]])
  // CHECK-SAME: axis = -1
  // CHECK-NEXT: onnx.Return %[[Y]]
  %6 = onnx.Add(%5, %b) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %6 : tensor<?x8xf32>
}

// The residual that follows an RMS normalization is not its bias.
// CHECK-LABEL: func.func @rms_then_add
// CHECK: onnx.RMSNormalization
// CHECK-NEXT: onnx.Add
func.func @rms_then_add(%x: tensor<?x8xf32>, %g: tensor<8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %half = onnx.Constant() {value = dense<-0.5> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Mul(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Pow(%2, %half) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %4 = onnx.Mul(%x, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %6 = onnx.Add(%5, %b) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %6 : tensor<?x8xf32>
}

// What is multiplied by the reciprocal root has to be what was squared.
// CHECK-LABEL: func.func @rms_times_other_value
// CHECK-NOT: onnx.RMSNormalization
func.func @rms_times_other_value(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
  %half = onnx.Constant() {value = dense<-0.5> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant() {value = dense<1.0e-06> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %0 = onnx.Mul(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Pow(%2, %half) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %4 = onnx.Mul(%y, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %5 : tensor<?x8xf32>
}

// A difference to the mean of another value is no centring: the root mean square of the difference stays one.
// CHECK-LABEL: func.func @layer_norm_of_other_mean
// CHECK-SAME: (%[[X:.*]]: tensor<?x8xf32>, %{{.*}}: tensor<?x8xf32>, %[[G:.*]]: tensor<8xf32>)
// CHECK-NOT: onnx.LayerNormalization
// CHECK: %[[D:.*]] = onnx.Sub(%[[X]],
// CHECK: onnx.RMSNormalization(%[[D]], %[[G]])
func.func @layer_norm_of_other_mean(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
  %two = onnx.Constant() {value = dense<2.0> : tensor<f32>} : () -> tensor<f32>
  %eps = onnx.Constant() {value = dense<1.0e-12> : tensor<f32>} : () -> tensor<f32>
  %axes = onnx.Constant() {value = dense<-1> : tensor<1xi64>} : () -> tensor<1xi64>
  %m = onnx.ReduceMean(%y, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %d = onnx.Sub(%x, %m) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %0 = onnx.Pow(%d, %two) : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
  %1 = onnx.ReduceMean(%0, %axes) : (tensor<?x8xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  %2 = onnx.Add(%1, %eps) : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
  %3 = onnx.Sqrt(%2) : (tensor<?x1xf32>) -> tensor<?x1xf32>
  %4 = onnx.Div(%d, %3) : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
  %5 = onnx.Mul(%4, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %5 : tensor<?x8xf32>
}
