// RUN: qllm-opt %s -qllm-rotate-residual -split-input-file -verify-diagnostics | FileCheck %s
// RUN: qllm-opt %s -qllm-rotate-residual=untie=true -split-input-file 2>&1 | FileCheck %s --check-prefix=UNTIE

// A layer between an embedding and a head that share a table. The table stays one: the stream is turned behind the
// embedding and back in front of the last norm, whose gain stays. Rows of the writer, columns of the reader with the gain.
// CHECK-LABEL: func.func @tied
// CHECK: %[[SIGNS:.*]] = onnx.Initializer "signs"
// CHECK: %[[X:.*]] = qllm.embedding
// CHECK: %[[SIGNED:.*]] = qllm.scale_channels %[[X]] by %[[SIGNS]] : tensor<?x?x8xf32>
// CHECK: %[[H:.*]] = qllm.rotate_channels %[[SIGNED]] hadamard 8 {qllm.kept = "'embed' shares its table with other operations"} : tensor<?x?x8xf32>
// CHECK: %[[ONES:.*]] = onnx.Initializer "ones" = dense<1.000000e+00> : tensor<8xf32>
// CHECK: %[[N:.*]] = onnx.RMSNormalization(%[[H]], %[[ONES]])
// CHECK: %[[W1:.*]] = qllm.scale_channels %{{.*}} by %{{.*}} : tensor<4x8xf32>
// CHECK: qllm.scale_channels %[[W1]] by %[[SIGNS]] : tensor<4x8xf32>
// CHECK: qllm.rotate_channels %{{.*}} hadamard 8 : tensor<4x8xf32>
// CHECK: qllm.linear %[[N]],
// CHECK: onnx.Transpose
// CHECK: qllm.rotate_channels %{{.*}} hadamard 8 : tensor<4x8xf32>
// CHECK: onnx.Transpose
// CHECK: qllm.rotate_channels %{{.*}} hadamard 8 : tensor<8xf32>
// CHECK: qllm.linear %{{.*}} bias
// CHECK: %[[SUM:.*]] = onnx.Add(%[[H]], %{{.*}})
// CHECK: qllm.rotate_channels %[[SUM]] hadamard 8 : tensor<?x?x8xf32>
// CHECK: qllm.scale_channels %{{.*}} by %[[SIGNS]] {qllm.kept = "'head' shares its table with other operations"}
// CHECK: qllm.linear %{{.*}}, %{{.*}} {qllm.name = "head"}
// UNTIE: stream of 8 channels rotated by H8, 4 layers in their weights and 0 at run time; a table of its own for the head adds 512 bytes
func.func @tied(%ids: tensor<?x?xi64>) -> tensor<?x?x16xf32> {
  %t = onnx.Initializer "t" = dense<1.0> : tensor<16x8xf32>
  %g = onnx.Initializer "g" = dense<2.0> : tensor<8xf32>
  %w1 = onnx.Initializer "w1" = dense<1.0> : tensor<4x8xf32>
  %w2 = onnx.Initializer "w2" = dense<1.0> : tensor<8x4xf32>
  %b2 = onnx.Initializer "b2" = dense<1.0> : tensor<8xf32>
  // expected-remark @below {{stream of 8 channels rotated by H8, 2 layers in their weights and 2 at run time}}
  %x = qllm.embedding %ids, %t {qllm.name = "embed"} : (tensor<?x?xi64>, tensor<16x8xf32>) -> tensor<?x?x8xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  %a = qllm.linear %n, %w1 : (tensor<?x?x8xf32>, tensor<4x8xf32>) -> tensor<?x?x4xf32>
  %c = qllm.linear %a, %w2 bias(%b2) : (tensor<?x?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  %s = onnx.Add(%x, %c) : (tensor<?x?x8xf32>, tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %m = onnx.RMSNormalization(%s, %g) {axis = -1 : i64} : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  %y = qllm.linear %m, %t {qllm.name = "head"} : (tensor<?x?x8xf32>, tensor<16x8xf32>) -> tensor<?x?x16xf32>
  return %y : tensor<?x?x16xf32>
}

// -----

// The mean that a layer norm subtracts is one of unrotated channels.
// CHECK-LABEL: func.func @layer_norm
// CHECK-NOT: rotate_channels
func.func @layer_norm(%ids: tensor<?xi64>, %g: tensor<8xf32>, %w: tensor<4x8xf32>) -> tensor<?x4xf32> {
  %t = onnx.Initializer "t" = dense<1.0> : tensor<16x8xf32>
  // expected-remark @below {{stream not rotated: a layer normalization subtracts a mean, which does not commute with a rotation}}
  %x = qllm.embedding %ids, %t : (tensor<?xi64>, tensor<16x8xf32>) -> tensor<?x8xf32>
  %n, %m, %d = onnx.LayerNormalization(%x, %g) {axis = -1 : i64, resultSegmentSizes = array<i32: 1, 1, 1>} : (tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x1xf32>, tensor<?x1xf32>)
  %y = qllm.linear %n, %w : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}

// -----

// A stream that comes from outside is rotated there; a width without a Hadamard matrix goes in blocks.
// CHECK-LABEL: func.func @blocks
// CHECK: qllm.rotate_channels %{{.*}} hadamard 2 {qllm.kept = "the stream is an argument of the function"} : tensor<?x6xf32>
// expected-remark @+2 {{rotated in blocks of 2: no Hadamard matrix of 6 rows is known}}
// expected-remark @+1 {{stream of 6 channels rotated by H2, 1 layers in their weights and 1 at run time}}
func.func @blocks(%x: tensor<?x6xf32>, %g: tensor<6xf32>) -> tensor<?x4xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x6xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x6xf32>, tensor<6xf32>) -> tensor<?x6xf32>
  %y = qllm.linear %n, %w : (tensor<?x6xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>
  return %y : tensor<?x4xf32>
}
