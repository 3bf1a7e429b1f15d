// Plans are edited by hand: whatever is wrong with one is said.
// RUN: qllm-opt %s -qllm-apply-reassembly -split-input-file -verify-diagnostics

func.func @not_a_dictionary(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with a dictionary, but got another attribute}}
  %y = qllm.linear %x, %w {qllm.reassembly = 3 : i64} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @no_parts(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with 'parts', an array of i64, but found none}}
  %y = qllm.linear %x, %w {qllm.reassembly = {threshold = 1.0 : f64}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @too_few_parts(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with 2 parts, one for each channel, but got 1}}
  %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 3>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @part_of_zero(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with parts of at least 1, but got 0 for channel 1}}
  %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 3, 0>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @too_wide(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with parts that add up to less than 2^31, but got 4294967294}}
  %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 2147483647, 2147483647>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @too_few_targets(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with 4 targets, one for each channel behind the split, but got 3}}
  %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 3, 1>, targets = array<i64: 0, 1, 2>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @gap_in_targets(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected qllm.reassembly with targets that are numbered from 0 without gaps}}
  %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 2, 1>, targets = array<i64: 0, 2, 2>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @rounding_plan_that_does_not_fit(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x2xf32>
  // expected-error @+1 {{expected a plan that fits a width of 5, but got '!qllm.quantized<2x2, #qllm.int<4>, group<1, 2>>'}}
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x2, #qllm.int<4>, group<1, 2>>}, qllm.reassembly = {parts = array<i64: 4, 1>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @on_another_operation(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{expected qllm.reassembly on qllm.linear only}}
  %y = onnx.Relu(%x) {qllm.reassembly = {parts = array<i64: 1, 1>}} : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// -----

func.func @unknown_channels(%x: tensor<?x?xf32>, %w: tensor<2x?xf32>) -> tensor<?x2xf32> {
  // expected-error @+1 {{expected a float input and a weight with a static number of channels to reassemble, but got 'tensor<?x?xf32>' and 'tensor<2x?xf32>'}}
  %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 1, 2>}} : (tensor<?x?xf32>, tensor<2x?xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
