// A gated layer with a scale in front of its down projection, for the pass test-fold-scales.
func.func @main(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %g = onnx.Initializer "g" = dense<[1.0, 2.0, 0.5, 1.5, 1.0, 1.0, 2.0, 4.0]> : tensor<8xf32>
  %f = onnx.Initializer "f" = dense<[4.0, 1.0, 2.0, 1.0, 8.0, 1.0, 0.5, 3.0]> : tensor<8xf32>
  %w1 = onnx.Initializer "w1" = dense<0.25> : tensor<8x8xf32>
  %w2 = onnx.Initializer "w2" = dense<0.5> : tensor<4x8xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %a = qllm.linear %n, %w1 {qllm.name = "up"} : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
  %s = onnx.Sigmoid(%a) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %m = onnx.Mul(%a, %s) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  %c = qllm.scale_channels %m by %f inverse : tensor<?x8xf32>, tensor<8xf32>
  %y = qllm.linear %c, %w2 {qllm.name = "down"} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  %z = onnx.Tanh(%y) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
