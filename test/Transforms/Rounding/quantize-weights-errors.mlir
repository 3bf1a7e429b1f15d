// Plans are edited by hand: what does not fit is refused, never half applied.
// RUN: qllm-opt --qllm-quantize-weights --split-input-file --verify-diagnostics %s

func.func @shape(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  // expected-error@below {{expected a plan for a weight of type 'tensor<2x4xf32>', but got one for '!qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>'}}
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

func.func @granularity(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  // expected-error@below {{expected per_tensor, per_channel<0> or groups for a weight}}
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<1>>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

func.func @disagreement(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  // expected-error@below {{expected one plan for all readers of its weight}}
  %z = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<8>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// -----

func.func @key(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  // expected-error@below {{expected 'weight', 'operands', 'excluded' or 'skipped' in its plan, but got 'wieght'}}
  %y = qllm.linear %x, %w {qllm.plan = {wieght = "int4"}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// A NaN has no code: the weight stays, and the remark says where.
func.func @nan(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[1.0, 2.0], [3.0, 0x7FC00000]]> : tensor<2x2xf32>
  // expected-remark@below {{at [1, 1]}}
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x2, #qllm.int<4>, per_channel<0>>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}
