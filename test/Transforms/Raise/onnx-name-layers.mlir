// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-name-layers | FileCheck %s

// One attention layer with a gated feed-forward and a head as large as the embedding table.
// CHECK-LABEL: func.func @decoder
func.func @decoder(%ids: tensor<1x3xi64>) -> tensor<1x3x16xf32> {
  %table = onnx.Initializer "embed" = dense_resource<a> : tensor<16x8xf32>
  %wq = onnx.Initializer "val_1" = dense_resource<b> : tensor<8x8xf32>
  %split = onnx.Constant() {value = dense<[1, 3, 2, 4]> : tensor<4xi64>} : () -> tensor<4xi64>
  %join = onnx.Constant() {value = dense<[1, 3, 8]> : tensor<3xi64>} : () -> tensor<3xi64>
  %x = onnx.Gather(%table, %ids) : (tensor<16x8xf32>, tensor<1x3xi64>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.q_proj"
  %q = onnx.MatMul(%x, %wq) {onnx.node_name = "node_linear"} : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.k_proj"
  %k = onnx.MatMul(%x, %wq) : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.v_proj"
  %v = onnx.MatMul(%x, %wq) : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  %q1 = onnx.Reshape(%q, %split) : (tensor<1x3x8xf32>, tensor<4xi64>) -> tensor<1x3x2x4xf32>
  %k1 = onnx.Reshape(%k, %split) : (tensor<1x3x8xf32>, tensor<4xi64>) -> tensor<1x3x2x4xf32>
  %v1 = onnx.Reshape(%v, %split) : (tensor<1x3x8xf32>, tensor<4xi64>) -> tensor<1x3x2x4xf32>
  %q2 = onnx.Transpose(%q1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %k2 = onnx.Transpose(%k1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %v2 = onnx.Transpose(%v1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x3x2x4xf32>) -> tensor<1x2x3x4xf32>
  %a = onnx.Attention(%q2, %k2, %v2) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>, tensor<1x2x3x4xf32>) -> tensor<1x2x3x4xf32>
  %a1 = onnx.Transpose(%a) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x3x4xf32>) -> tensor<1x3x2x4xf32>
  %a2 = onnx.Reshape(%a1, %join) : (tensor<1x3x2x4xf32>, tensor<3xi64>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.o_proj"
  %o = onnx.MatMul(%a2, %wq) : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  %h = onnx.Add(%x, %o) : (tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.gate_proj"
  %g = onnx.MatMul(%h, %wq) : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  %s = onnx.Sigmoid(%g) : (tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  %gs = onnx.Mul(%g, %s) : (tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.up_proj"
  %u = onnx.MatMul(%h, %wq) : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  %m = onnx.Mul(%gs, %u) : (tensor<1x3x8xf32>, tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "layers.0.down_proj"
  %d = onnx.MatMul(%m, %wq) : (tensor<1x3x8xf32>, tensor<8x8xf32>) -> tensor<1x3x8xf32>
  %t = onnx.Transpose(%table) {perm = array<i64: 1, 0>} : (tensor<16x8xf32>) -> tensor<8x16xf32>
  // CHECK: onnx.MatMul{{.*}}qllm.name = "lm_head"
  %y = onnx.MatMul(%d, %t) : (tensor<1x3x8xf32>, tensor<8x16xf32>) -> tensor<1x3x16xf32>
  onnx.Return %y : tensor<1x3x16xf32>
}

// Away from attention the exporter's names serve, made unique.
// CHECK-LABEL: func.func @elsewhere
// CHECK: qllm.name = "stem.proj"
// CHECK: qllm.name = "stem.proj_2"
// CHECK: qllm.name = "linear"
// CHECK: onnx.Neg
func.func @elsewhere(%x: tensor<3x8xf32>) -> tensor<3x8xf32> {
  %w = onnx.Initializer "val_1" = dense_resource<b> : tensor<8x8xf32>
  %0 = onnx.MatMul(%x, %w) {onnx.node_name = "/model/stem/proj/MatMul"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %1 = onnx.MatMul(%0, %w) {onnx.node_name = "/model/stem/proj/MatMul"} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %2 = onnx.MatMul(%1, %w) : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  %3 = onnx.Neg(%2) : (tensor<3x8xf32>) -> tensor<3x8xf32>
  onnx.Return %3 : tensor<3x8xf32>
}

{-#
  dialect_resources: {
    builtin: {
      a: "0x0400000000000000",
      b: "0x0400000000000000"
    }
  }
#-}
