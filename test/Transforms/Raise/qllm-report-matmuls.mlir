// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -qllm-report-matmuls -o /dev/null 2>&1 | FileCheck %s
// RUN: qllm-opt %s -qllm-report-matmuls=json=true -o /dev/null 2>&1 | %python -m json.tool | FileCheck %s -check-prefix=JSON

// JSON: "kind": "MatMul",
// JSON: "reason": "both operands are activations"

// CHECK: yes MatMul right 5x8 40
// CHECK-NEXT: yes MatMul transposed 5x8 40
// CHECK-NEXT: yes Gemm layer 5x8 40
// CHECK-NEXT: no  MatMul - 8x8 0: both operands are activations
// CHECK-NEXT: no  MatMul - 8x3 15: the weight is the left operand
// CHECK-NEXT: no  MatMul - 8x8 128: the weight has rank 3, expected 2
// CHECK-NEXT: no  MatMul - 5x8 40: the weight is not f32, f16 or bf16
// CHECK-NEXT: no  Gemm - 5x8 40: alpha or beta is not 1
// CHECK-NEXT: no  Attention (Q K^T) - ?x? 0: both operands are activations
// CHECK-NEXT: no  Attention (P V) - ?x? 0: both operands are activations
// CHECK-NEXT: no  Einsum - ?x? 0: no rule for this operator
// CHECK-NEXT: no  QAttention - ?x? 40: no rule for this operator
// CHECK-NEXT: 12 matrix products, 3 quantizable
func.func @products(%x: tensor<3x8xf32>, %y: tensor<8x8xf32>, %z: tensor<8x8xf64>, %q: tensor<1x2x3x4xf32>) {
  %w = onnx.Initializer "w" = dense_resource<w> : tensor<8x5xf32>
  %wt = onnx.Initializer "wt" = dense_resource<w> : tensor<5x8xf32>
  %wl = onnx.Initializer "wl" = dense_resource<w> : tensor<5x3xf32>
  %w3 = onnx.Initializer "w3" = dense_resource<w> : tensor<2x8x8xf32>
  %wd = onnx.Initializer "wd" = dense_resource<w> : tensor<8x5xf64>
  %t = onnx.Transpose(%wt) {perm = array<i64: 1, 0>} : (tensor<5x8xf32>) -> tensor<8x5xf32>
  %0 = onnx.MatMul(%x, %w) {onnx.node_name = "right"} : (tensor<3x8xf32>, tensor<8x5xf32>) -> tensor<3x5xf32>
  %1 = onnx.MatMul(%x, %t) {onnx.output_names = ["transposed"]} : (tensor<3x8xf32>, tensor<8x5xf32>) -> tensor<3x5xf32>
  %2 = onnx.Gemm(%x, %wt) {transB = 1 : i64, qllm.name = "layer"} : (tensor<3x8xf32>, tensor<5x8xf32>) -> tensor<3x5xf32>
  %3 = onnx.MatMul(%x, %y) : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %4 = onnx.MatMul(%wl, %x) : (tensor<5x3xf32>, tensor<3x8xf32>) -> tensor<5x8xf32>
  %5 = onnx.MatMul(%x, %w3) : (tensor<3x8xf32>, tensor<2x8x8xf32>) -> tensor<2x3x8xf32>
  %6 = onnx.MatMul(%z, %wd) : (tensor<8x8xf64>, tensor<8x5xf64>) -> tensor<8x5xf64>
  %7 = onnx.Gemm(%x, %w) {alpha = 2.0 : f32} : (tensor<3x8xf32>, tensor<8x5xf32>) -> tensor<3x5xf32>
  %8 = onnx.Attention(%q, %q, %q) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %9 = onnx.Einsum(%x, %y) {equation = "ab,bc->ac"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %10 = onnx.Custom "com.microsoft" "QAttention" (%x, %w) : (tensor<3x8xf32>, tensor<8x5xf32>) -> tensor<3x5xf32>
  onnx.Return
}

{-#
  dialect_resources: {
    builtin: {
      w: "0x0400000000000000"
    }
  }
#-}
