// Products with a weight that stay as they are say why, each with a remark.
// RUN: qllm-opt --convert-onnx-to-qllm --split-input-file --verify-diagnostics %s | FileCheck %s

// CHECK-LABEL: func.func @weight_on_the_left
func.func @weight_on_the_left(%x: tensor<4x?xf32>) -> tensor<2x?xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x4xf32>
  // expected-remark@+2 {{skipped 'w': the weight is the left operand}}
  // CHECK: onnx.MatMul{{.*}}qllm.plan = {skipped = "the weight is the left operand"}
  %y = onnx.MatMul(%w, %x) : (tensor<2x4xf32>, tensor<4x?xf32>) -> tensor<2x?xf32>
  onnx.Return %y : tensor<2x?xf32>
}

// -----

// CHECK-LABEL: func.func @batched_weight
func.func @batched_weight(%x: tensor<3x?x4xf32>) -> tensor<3x?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<3x4x2xf32>
  // expected-remark@below {{expected a weight of two dimensions in f32, f16 or bf16, but got tensor<3x4x2xf32>}}
  %y = onnx.MatMul(%x, %w) : (tensor<3x?x4xf32>, tensor<3x4x2xf32>) -> tensor<3x?x2xf32>
  onnx.Return %y : tensor<3x?x2xf32>
}

// -----

// A weight that is quantized already is not silently passed over.
// CHECK-LABEL: func.func @already_quantized
func.func @already_quantized(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  %c = onnx.Initializer "c" = dense<1> : tensor<4x2xi8>
  %s = onnx.Initializer "s" = dense<1.0> : tensor<f32>
  %w = onnx.DequantizeLinear(%c, %s) : (tensor<4x2xi8>, tensor<f32>) -> tensor<4x2xf32>
  // expected-remark@below {{its weight is computed from constants by onnx.DequantizeLinear}}
  %y = onnx.MatMul(%x, %w) : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// CHECK-LABEL: func.func @scaled_gemm
func.func @scaled_gemm(%x: tensor<3x4xf32>) -> tensor<3x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x2xf32>
  // expected-remark@below {{alpha is not 1}}
  %y = onnx.Gemm(%x, %w) {alpha = 0.5 : f32} : (tensor<3x4xf32>, tensor<4x2xf32>) -> tensor<3x2xf32>
  onnx.Return %y : tensor<3x2xf32>
}
