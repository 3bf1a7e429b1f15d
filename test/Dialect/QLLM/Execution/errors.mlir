// What only shows when it runs is an error at its operation, with wanted and found values.
// RUN: not qllm-translate --run --function=embedding_index %s 2>&1 | FileCheck %s --check-prefix=INDEX
// RUN: not qllm-translate --run --function=quantize_nan %s 2>&1 | FileCheck %s --check-prefix=NAN
// RUN: not qllm-translate --run --function=quantize_infinity %s 2>&1 | FileCheck %s --check-prefix=INFINITY
// RUN: not qllm-translate --run --function=expect_eq %s 2>&1 | FileCheck %s --check-prefix=EQ
// RUN: not qllm-translate --run --function=expect_close %s 2>&1 | FileCheck %s --check-prefix=CLOSE

// INDEX: expected an index in [-2, 2), but got 2
func.func @embedding_index() {
  %ids = onnx.Initializer "ids" = dense<[2]> : tensor<1xi64>
  %t = onnx.Initializer "t" = dense<[[1.0], [2.0]]> : tensor<2x1xf32>
  %0 = qllm.embedding %ids, %t : (tensor<1xi64>, tensor<2x1xf32>) -> tensor<1x1xf32>
  check.expect_eq %0, %0 : tensor<1x1xf32>, tensor<1x1xf32>
  return
}

// NAN: expected finite values, but element 0 is nan
func.func @quantize_nan() {
  %x = onnx.Initializer "x" = dense<[[0x7FC00000, 1.0]]> : tensor<1x2xf32>
  %q = qllm.quantize %x : tensor<1x2xf32> -> !qllm.quantized<1x2, #qllm.int<8>, per_token>
  %d = qllm.dequantize %q : !qllm.quantized<1x2, #qllm.int<8>, per_token> -> tensor<1x2xf32>
  check.expect_eq %d, %d : tensor<1x2xf32>, tensor<1x2xf32>
  return
}

// INFINITY: expected finite values, but element 0 is inf
func.func @quantize_infinity() {
  %x = onnx.Initializer "x" = dense<[[0x7F800000, 1.0]]> : tensor<1x2xf32>
  %q = qllm.quantize %x : tensor<1x2xf32> -> !qllm.quantized<1x2, #qllm.int<8>, per_token>
  %d = qllm.dequantize %q : !qllm.quantized<1x2, #qllm.int<8>, per_token> -> tensor<1x2xf32>
  check.expect_eq %d, %d : tensor<1x2xf32>, tensor<1x2xf32>
  return
}

// EQ: expected 3 at [1, 0], but got 4
func.func @expect_eq() {
  %a = onnx.Initializer "a" = dense<[[1, 2], [4, 5]]> : tensor<2x2xi64>
  %b = onnx.Initializer "b" = dense<[[1, 2], [3, 5]]> : tensor<2x2xi64>
  check.expect_eq %a, %b : tensor<2x2xi64>, tensor<2x2xi64>
  return
}

// CLOSE: expected 1 at [1], but got 1.01
func.func @expect_close() {
  %a = onnx.Initializer "a" = dense<[1.001, 1.01]> : tensor<2xf32>
  %b = onnx.Initializer "b" = dense<[1.0, 1.0]> : tensor<2xf32>
  check.expect_close %a, %b atol 0.005 rtol 0.0 : tensor<2xf32>, tensor<2xf32>
  return
}
