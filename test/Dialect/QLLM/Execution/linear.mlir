// Products and look-ups on every mix of float and quantized operands.
// RUN: qllm-translate --run %s
// The canonical form, which reads quantized operands in place, gives the same bits.
// RUN: qllm-opt %s -canonicalize -o %t.mlir
// RUN: FileCheck %s --check-prefix=CANONICAL < %t.mlir
// RUN: qllm-translate --run %t.mlir
// CANONICAL-NOT: qllm.dequantize

!weight = !qllm.quantized<3x2, #qllm.int<4>, per_channel<0>>

func.func @linear() {
  %x = onnx.Initializer "x" = dense<[[[1.0, 2.0]], [[3.0, -4.0]]]> : tensor<2x1x2xf32>
  %c = onnx.Initializer "c" = dense<[[1, 2], [-3, 0], [4, 4]]> : tensor<3x2xi4>
  %s = onnx.Initializer "s" = dense<[1.0, 2.0, 0.5]> : tensor<3xf32>
  %w = onnx.Initializer "w" = dense<[[1.0, 2.0], [-6.0, 0.0], [2.0, 2.0]]> : tensor<3x2xf32>
  %b = onnx.Initializer "b" = dense<[10.0, 20.0, 30.0]> : tensor<3xf32>
  %e = onnx.Initializer "e" = dense<[[[5.0, -6.0, 6.0]], [[-5.0, -18.0, -2.0]]]> : tensor<2x1x3xf32>
  %eb = onnx.Initializer "eb" = dense<[[[15.0, 14.0, 36.0]], [[5.0, 2.0, 28.0]]]> : tensor<2x1x3xf32>
  %q = qllm.pack %c, %s : (tensor<3x2xi4>, tensor<3xf32>) -> !weight
  %0 = qllm.linear %x, %w : (tensor<2x1x2xf32>, tensor<3x2xf32>) -> tensor<2x1x3xf32>
  check.expect_eq %0, %e : tensor<2x1x3xf32>, tensor<2x1x3xf32>
  %1 = qllm.linear %x, %q bias(%b) : (tensor<2x1x2xf32>, !weight, tensor<3xf32>) -> tensor<2x1x3xf32>
  check.expect_eq %1, %eb : tensor<2x1x3xf32>, tensor<2x1x3xf32>
  %2 = qllm.dequantize %q : !weight -> tensor<3x2xf32>
  %3 = qllm.linear %x, %2 bias(%b) : (tensor<2x1x2xf32>, tensor<3x2xf32>, tensor<3xf32>) -> tensor<2x1x3xf32>
  check.expect_eq %3, %eb : tensor<2x1x3xf32>, tensor<2x1x3xf32>
  return
}

// The scale is 127 / 127, so quantizing loses nothing; the result is asked for in f16.
func.func @linear_on_quantized_activations() {
  %x = onnx.Initializer "x" = dense<[[127.0, 2.0]]> : tensor<1x2xf32>
  %w = onnx.Initializer "w" = dense<[[1.0, 2.0], [-6.0, 0.0], [2.0, 2.0]]> : tensor<3x2xf32>
  %e = onnx.Initializer "e" = dense<[[131.0, -762.0, 258.0]]> : tensor<1x3xf16>
  %q = qllm.quantize %x : tensor<1x2xf32> -> !qllm.quantized<1x2, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<1x2, #qllm.int<8>, per_token>, tensor<3x2xf32>) -> tensor<1x3xf16>
  check.expect_eq %0, %e : tensor<1x3xf16>, tensor<1x3xf16>
  return
}

// One tied table: rows looked up and the same value as a weight. Index -1 is the last row.
func.func @tied_table() {
  %ids = onnx.Initializer "ids" = dense<[0, -1]> : tensor<2xi64>
  %c = onnx.Initializer "c" = dense<[[1, 2], [-3, 0], [4, 4]]> : tensor<3x2xi4>
  %s = onnx.Initializer "s" = dense<[1.0, 2.0, 0.5]> : tensor<3xf32>
  %rows = onnx.Initializer "rows" = dense<[[1.0, 2.0], [2.0, 2.0]]> : tensor<2x2xf32>
  %logits = onnx.Initializer "logits" = dense<[[5.0, -6.0, 6.0], [6.0, -12.0, 8.0]]> : tensor<2x3xf32>
  %q = qllm.pack %c, %s : (tensor<3x2xi4>, tensor<3xf32>) -> !weight
  %0 = qllm.embedding %ids, %q : (tensor<2xi64>, !weight) -> tensor<2x2xf32>
  check.expect_eq %0, %rows : tensor<2x2xf32>, tensor<2x2xf32>
  %1 = qllm.linear %0, %q : (tensor<2x2xf32>, !weight) -> tensor<2x3xf32>
  check.expect_eq %1, %logits : tensor<2x3xf32>, tensor<2x3xf32>
  return
}

func.func @low_rank() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %down = onnx.Initializer "down" = dense<[[1.0, 1.0, 1.0]]> : tensor<1x3xf32>
  %up = onnx.Initializer "up" = dense<[[2.0], [-1.0]]> : tensor<2x1xf32>
  %e = onnx.Initializer "e" = dense<[[12.0, -6.0]]> : tensor<1x2xf32>
  %0 = qllm.low_rank %x, %down, %up : (tensor<1x3xf32>, tensor<1x3xf32>, tensor<2x1xf32>) -> tensor<1x2xf32>
  check.expect_eq %0, %e : tensor<1x2xf32>, tensor<1x2xf32>
  return
}
