// RUN: qllm-opt %s -qllm-rotate-residual -validate -validate-reproducers= 2>&1 | FileCheck %s

// A Hadamard matrix of 12 rows is not symmetric: the stream is turned back, in front of a head that shares its table with
// the embedding, by the transposed one.
// CHECK-DAG: stream of 12 channels rotated by H12, 2 layers in their weights and 2 at run time
// CHECK-DAG: validate: qllm-rotate-residual @main: error {{[0-9.e-]+}} within {{[0-9.e-]+}} of values up to {{[0-9.]+}} (3 input sets)
// CHECK: qllm.rotate_channels {{.*}} inverse
func.func @main(%ids: tensor<?x?xi64>) -> tensor<?x?x4xf32> {
  %t = onnx.Initializer "t" = dense<[[-1.0, -1.5, 0.0, -1.25, 1.75, 1.5, 1.75, 1.0, -0.5, -1.25, 1.75, -2.0], [1.0, 1.25, -2.0, 1.5, 0.0, -0.25, -1.25, 0.5, -2.0, -2.0, -2.0, -2.0], [1.0, -0.5, 1.25, -2.0, 2.0, -0.25, 1.5, 1.75, -0.25, 0.75, -0.25, -0.25], [1.5, 0.25, -2.0, 1.25, -1.25, -0.75, 0.25, -1.25, 0.5, 2.0, 1.25, 2.0]]> : tensor<4x12xf32>
  %g = onnx.Initializer "g" = dense<2.0> : tensor<12xf32>
  %w1 = onnx.Initializer "w1" = dense<[[-0.5, 0.25, 0.25, 1.75, 2.0, 1.0, -1.75, 1.75, -0.25, 1.0, 1.25, -0.75], [0.75, 0.75, -1.5, 1.5, 2.0, -1.25, -0.75, 2.0, 1.0, 0.75, 1.75, -2.0], [1.75, -1.75, 0.25, 1.0, -0.75, -0.75, 2.0, -0.25, -2.0, -0.5, -0.25, 1.0]]> : tensor<3x12xf32>
  %w2 = onnx.Initializer "w2" = dense<[[2.0, 0.75, 0.75], [1.5, 0.0, -2.0], [1.0, 2.0, -1.0], [2.0, -0.5, 1.25], [-1.75, 1.75, 0.75], [-0.5, 2.0, 1.25], [1.75, 0.75, 1.25], [0.75, -2.0, 0.5], [1.5, -2.0, -0.25], [-0.75, -0.75, -1.5], [0.0, -1.75, -1.5], [-1.5, -2.0, 1.5]]> : tensor<12x3xf32>
  %x = qllm.embedding %ids, %t {qllm.name = "embed"} : (tensor<?x?xi64>, tensor<4x12xf32>) -> tensor<?x?x12xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  %a = qllm.linear %n, %w1 : (tensor<?x?x12xf32>, tensor<3x12xf32>) -> tensor<?x?x3xf32>
  %c = qllm.linear %a, %w2 : (tensor<?x?x3xf32>, tensor<12x3xf32>) -> tensor<?x?x12xf32>
  %s = onnx.Add(%x, %c) : (tensor<?x?x12xf32>, tensor<?x?x12xf32>) -> tensor<?x?x12xf32>
  %m = onnx.RMSNormalization(%s, %g) {axis = -1 : i64} : (tensor<?x?x12xf32>, tensor<12xf32>) -> tensor<?x?x12xf32>
  %y = qllm.linear %m, %t {qllm.name = "head"} : (tensor<?x?x12xf32>, tensor<4x12xf32>) -> tensor<?x?x4xf32>
  return %y : tensor<?x?x4xf32>
}
