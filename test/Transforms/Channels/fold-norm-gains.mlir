// RUN: qllm-opt %s -qllm-fold-norm-gains -split-input-file | FileCheck %s

// The gain of the norm scales the columns of both layers.
// CHECK-LABEL: func.func @two_readers
// CHECK-SAME: (%[[X:.*]]: tensor<?x2xf32>, %[[G:.*]]: tensor<2xf32>)
// CHECK: %[[ONES:.*]] = onnx.Initializer "ones" = dense<1.000000e+00> : tensor<2xf32>
// CHECK: %[[N:.*]] = onnx.RMSNormalization(%[[X]], %[[ONES]])
// CHECK: %[[A:.*]] = qllm.scale_channels %{{.*}} by %[[G]] : tensor<2x2xf32>, tensor<2xf32>
// CHECK: qllm.linear %[[N]], %[[A]]
// CHECK: %[[B:.*]] = qllm.scale_channels %{{.*}} by %[[G]] : tensor<3x2xf32>, tensor<2xf32>
// CHECK: qllm.linear %[[N]], %[[B]]
func.func @two_readers(%x: tensor<?x2xf32>, %g: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x3xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  %v = onnx.Initializer "v" = dense<2.0> : tensor<3x2xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %a = qllm.linear %n, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %b = qllm.linear %n, %v : (tensor<?x2xf32>, tensor<3x2xf32>) -> tensor<?x3xf32>
  onnx.Return %a, %b : tensor<?x2xf32>, tensor<?x3xf32>
}

// -----

// Somebody else reads the norm: its gain stays.
// CHECK-LABEL: func.func @other_reader
// CHECK: onnx.RMSNormalization(%arg0, %arg1)
// CHECK-NOT: qllm.scale_channels
func.func @other_reader(%x: tensor<?x2xf32>, %g: tensor<2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %a = qllm.linear %n, %w : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  onnx.Return %a, %n : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

// The head shares its table with the embedding, whose rows are not to be scaled.
// CHECK-LABEL: func.func @tied
// CHECK: onnx.RMSNormalization(%{{.*}}, %arg1)
// CHECK-NOT: qllm.scale_channels
func.func @tied(%ids: tensor<?xi64>, %g: tensor<2xf32>) -> tensor<?x4xf32> {
  %t = onnx.Initializer "t" = dense<1.0> : tensor<4x2xf32>
  %x = qllm.embedding %ids, %t : (tensor<?xi64>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
  %y = qllm.linear %n, %t : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  onnx.Return %y : tensor<?x4xf32>
}

// -----

// The mean over another axis than the channels.
// CHECK-LABEL: func.func @other_axis
// CHECK-NOT: qllm.scale_channels
func.func @other_axis(%x: tensor<2x2xf32>, %g: tensor<2xf32>) -> tensor<2x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = 0 : i64} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  %y = qllm.linear %n, %w : (tensor<2x2xf32>, tensor<2x2xf32>) -> tensor<2x2xf32>
  onnx.Return %y : tensor<2x2xf32>
}
