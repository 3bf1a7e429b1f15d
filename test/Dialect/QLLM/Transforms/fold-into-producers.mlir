// Why a transform is left to be run for every token: each reason once, as a remark and as an attribute.
// RUN: qllm-opt %s -pass-pipeline='builtin.module(func.func(qllm-fold-channel-transforms{into=producers report=true}))' -split-input-file -verify-diagnostics | FileCheck %s
// RUN: not qllm-opt %s -qllm-fold-channel-transforms=into=both -split-input-file 2>&1 | FileCheck %s --check-prefix=INTO
// INTO: error: expected consumers or producers for into, but got 'both'

// CHECK-LABEL: func.func @argument
// CHECK: qllm.scale_channels {{.*}}qllm.kept = "its input is an argument of the function"
// expected-remark @below {{channel transforms: 1 seen, 0 folded, 0 composed, 1 kept}}
func.func @argument(%x: tensor<?x4xf32>, %f: tensor<4xf32>) -> tensor<?x4xf32> {
  // expected-remark @below {{kept for run time: its input is an argument of the function}}
  %0 = qllm.scale_channels %x by %f : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// expected-remark @below {{1 kept}}
func.func @second_reader(%x: tensor<?x4xf32>, %f: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x4xf32>
  %y = qllm.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{kept for run time: its input is read by other operations as well}}
  %0 = qllm.scale_channels %y by %f : tensor<?x4xf32>, tensor<4xf32>
  return %0, %y : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// RMS norm has no bias to put a shift into.
// expected-remark @below {{1 kept}}
func.func @shift_of_a_norm(%x: tensor<?x4xf32>, %g: tensor<4xf32>, %f: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{kept for run time: a norm cannot take it over}}
  %0 = qllm.shift_channels %y by %f inverse : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// The head's table is the embedding's: rows of one would be rows of the other.
// expected-remark @below {{1 kept}}
func.func @tied(%ids: tensor<?xi64>, %f: tensor<8xf32>) -> tensor<?x8xf32> {
  %t = onnx.Initializer "t" = dense<1.0> : tensor<8x4xf32>
  %x = qllm.embedding %ids, %t : (tensor<?xi64>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %y = qllm.linear %x, %t : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  // expected-remark @below {{kept for run time: the weight of 't' is shared with other operations}}
  %0 = qllm.scale_channels %y by %f : tensor<?x8xf32>, tensor<8xf32>
  return %0 : tensor<?x8xf32>
}

// -----

// expected-remark @below {{1 kept}}
func.func @quantized(%x: tensor<?x4xf32>, %w: !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>, %f: tensor<4xf32>) -> tensor<?x4xf32> {
  %y = qllm.linear %x, %w {qllm.name = "up"} : (tensor<?x4xf32>, !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>) -> tensor<?x4xf32>
  // expected-remark @below {{kept for run time: the weight of 'up' is quantized}}
  %0 = qllm.scale_channels %y by %f : tensor<?x4xf32>, tensor<4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

// A gate multiplies whatever is added; and what is scaled in a sigmoid is not a scaled sigmoid.
// expected-remark @below {{2 kept}}
func.func @gate(%x: tensor<?x4xf32>, %f: tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x4xf32>
  %v = onnx.Initializer "v" = dense<2.0> : tensor<4x4xf32>
  %g = qllm.linear %x, %w : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %s = onnx.Sigmoid(%g) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %u = qllm.linear %x, %v : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %y = onnx.Mul(%s, %u) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{kept for run time: a gated product cannot take it over}}
  %0 = qllm.shift_channels %y by %f : tensor<?x4xf32>, tensor<4xf32>
  %t = onnx.Sigmoid(%u) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-remark @below {{kept for run time: its input is computed by onnx.Sigmoid}}
  %1 = qllm.scale_channels %t by %f : tensor<?x4xf32>, tensor<4xf32>
  return %0, %1 : tensor<?x4xf32>, tensor<?x4xf32>
}

// -----

// Positions turn pairs of channels: no transform goes through, not even one of pairs alike.
// expected-remark @below {{1 kept}}
func.func @rotary(%x: tensor<1x2x3x4xf32>, %c: tensor<1x3x2xf32>, %f: tensor<4xf32>) -> tensor<1x2x3x4xf32> {
  %y = onnx.RotaryEmbedding(%x, %c, %c) : (tensor<1x2x3x4xf32>, tensor<1x3x2xf32>, tensor<1x3x2xf32>) -> tensor<1x2x3x4xf32>
  // expected-remark @below {{kept for run time: its input is computed by onnx.RotaryEmbedding}}
  %0 = qllm.scale_channels %y by %f : tensor<1x2x3x4xf32>, tensor<4xf32>
  return %0 : tensor<1x2x3x4xf32>
}

// -----

// Two query heads share a value head, but are scaled apart.
// expected-remark @below {{1 kept}}
func.func @shared_values(%q: tensor<1x2x4x2xf32>, %k: tensor<1x1x4x2xf32>, %x: tensor<1x4x3xf32>) -> tensor<1x4x4xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x3xf32>
  %f = onnx.Initializer "f" = dense<[1.0, 2.0, 1.0, 3.0]> : tensor<4xf32>
  %sv = onnx.Initializer "sv" = dense<[1, 4, 1, 2]> : tensor<4xi64>
  %so = onnx.Initializer "so" = dense<[1, 4, 4]> : tensor<3xi64>
  %l = qllm.linear %x, %w : (tensor<1x4x3xf32>, tensor<2x3xf32>) -> tensor<1x4x2xf32>
  %h = onnx.Reshape(%l, %sv) : (tensor<1x4x2xf32>, tensor<4xi64>) -> tensor<1x4x1x2xf32>
  %v = onnx.Transpose(%h) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x4x1x2xf32>) -> tensor<1x1x4x2xf32>
  %o = onnx.Attention(%q, %k, %v) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x4x2xf32>, tensor<1x1x4x2xf32>, tensor<1x1x4x2xf32>) -> tensor<1x2x4x2xf32>
  %r = onnx.Transpose(%o) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x4x2xf32>) -> tensor<1x4x2x2xf32>
  %y = onnx.Reshape(%r, %so) : (tensor<1x4x2x2xf32>, tensor<3xi64>) -> tensor<1x4x4xf32>
  // expected-remark @below {{kept for run time: query heads 0 and 1 share values, but are mapped differently}}
  %0 = qllm.scale_channels %y by %f : tensor<1x4x4xf32>, tensor<4xf32>
  return %0 : tensor<1x4x4xf32>
}

