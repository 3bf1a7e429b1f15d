// A norm-free block: one value with three readers, a residual, and a layer behind a nonlinearity.
func.func @main(%x: tensor<1x?x8xf32>) -> (tensor<1x?x8xf32>, tensor<1x?x4xf32>) {
  %w = onnx.Initializer "w" = WEIGHT_W : tensor<8x8xf32>
  %v = onnx.Initializer "v" = WEIGHT_V : tensor<4x8xf32>
  %u = onnx.Initializer "u" = WEIGHT_U : tensor<8x8xf32>
  %bias = onnx.Initializer "bias" = dense<[1.0, -2.0, 0.5, 3.0]> : tensor<4xf32>
  %a = qllm.linear %x, %w {qllm.name = "layers.0.gate_proj" PLAN_W} : (tensor<1x?x8xf32>, tensor<8x8xf32>) -> tensor<1x?x8xf32>
  %b = qllm.linear %x, %v bias(%bias) {qllm.name = "layers.0.other" PLAN_V} : (tensor<1x?x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<1x?x4xf32>
  %s = onnx.Sigmoid(%a) : (tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  %c = qllm.linear %s, %u {qllm.name = "layers.0.down_proj" PLAN_U} : (tensor<1x?x8xf32>, tensor<8x8xf32>) -> tensor<1x?x8xf32>
  %d = onnx.Add(%x, %c) : (tensor<1x?x8xf32>, tensor<1x?x8xf32>) -> tensor<1x?x8xf32>
  onnx.Return %d, %b : tensor<1x?x8xf32>, tensor<1x?x4xf32>
}
