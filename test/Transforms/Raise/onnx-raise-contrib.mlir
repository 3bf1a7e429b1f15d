// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// RUN: qllm-opt %s -onnx-raise-contrib -split-input-file -verify-diagnostics | FileCheck %s

// CHECK-LABEL: func.func @norms
// CHECK-SAME: (%[[X:.*]]: tensor<?x?x8xf32>, %[[S:.*]]: tensor<?x?x8xf32>, %[[G:.*]]: tensor<8xf32>)
func.func @norms(%x: tensor<?x?x8xf32>, %skip: tensor<?x?x8xf32>, %g: tensor<8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  // CHECK-NEXT: %[[N:.*]] = onnx.RMSNormalization(%[[X]], %[[G]]) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32}
  %0 = onnx.ms.SimplifiedLayerNormalization(%x, %g) {axis = -1 : i64, epsilon = 1.0e-05 : f32} : (tensor<?x?x8xf32>, tensor<8xf32>) -> tensor<?x?x8xf32>
  // The residual stream is the fourth result.
  // CHECK-NEXT: %[[SUM:.*]] = onnx.Add(%[[N]], %[[S]])
  // CHECK-NEXT: %[[Y:.*]] = onnx.RMSNormalization(%[[SUM]], %[[G]])
  // CHECK-NEXT: onnx.Return %[[Y]], %[[SUM]]
  %1, %2 = onnx.ms.SkipSimplifiedLayerNormalization(%0, %skip, %g) {epsilon = 1.0e-05 : f32, resultSegmentSizes = array<i32: 1, 0, 0, 1>} : (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>)
  onnx.Return %1, %2 : tensor<?x?x8xf32>, tensor<?x?x8xf32>
}

// -----

// CHECK-LABEL: func.func @skip_layer_norm
// CHECK: %[[SUM:.*]] = onnx.Add
// CHECK-NEXT: %[[BIASED:.*]] = onnx.Add(%[[SUM]], %{{.*}})
// CHECK-NEXT: onnx.LayerNormalization(%[[BIASED]],
func.func @skip_layer_norm(%x: tensor<?x8xf32>, %skip: tensor<?x8xf32>, %g: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.ms.SkipLayerNormalization(%x, %skip, %g, %g, %g) {epsilon = 1.0e-12 : f32, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x8xf32>, tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  onnx.Return %0 : tensor<?x8xf32>
}

// -----

// CHECK-LABEL: func.func @inverse_deviation_used
func.func @inverse_deviation_used(%x: tensor<?x8xf32>, %g: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x1xf32>) {
  // CHECK: onnx.ms.SimplifiedLayerNormalization
  // expected-remark @+1 {{not raised: the inverse deviation is used}}
  %0, %1 = onnx.ms.SimplifiedLayerNormalization(%x, %g) : (tensor<?x8xf32>, tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x1xf32>)
  onnx.Return %0, %1 : tensor<?x8xf32>, tensor<?x1xf32>
}

// -----

// CHECK-LABEL: func.func @activations
// CHECK-NEXT: onnx.Gelu(%{{.*}}) {approximate = "none"}
// CHECK-NEXT: onnx.Add
// CHECK-NEXT: onnx.Gelu(%{{.*}}) {approximate = "none"}
// CHECK-NEXT: onnx.Gelu(%{{.*}}) {approximate = "tanh"}
// CHECK-NEXT: onnx.Sigmoid
// CHECK-NEXT: onnx.Mul
// CHECK-NEXT: onnx.ms.QuickGelu
func.func @activations(%x: tensor<?x8xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  %0 = onnx.ms.Gelu(%x) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %1 = onnx.ms.BiasGelu(%0, %b) : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %2 = onnx.ms.FastGelu(%1) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %3 = onnx.ms.QuickGelu(%2) {alpha = 1.0 : f32} : (tensor<?x8xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{not raised: alpha is not 1}}
  %4 = onnx.ms.QuickGelu(%3) : (tensor<?x8xf32>) -> tensor<?x8xf32>
  onnx.Return %4 : tensor<?x8xf32>
}

// -----

// Packed QKV, rotary embedding, a growing cache. Two layers share positions; the opset rises to the one of TensorScatter.
// CHECK: module attributes {onnx.opset = {ai.onnx = 24 : i64, com.microsoft = 1 : i64}}
module attributes {onnx.opset = {ai.onnx = 21 : i64, "com.microsoft" = 1 : i64}} {
  // CHECK-LABEL: func.func @grouped
  // CHECK-SAME: (%[[QKV:.*]]: tensor<?x?x64xf32>, %[[PK:[a-z0-9]+]]: tensor<?x2x?x8xf32>
  func.func @grouped(%qkv: tensor<?x?x64xf32>, %pk: tensor<?x2x?x8xf32>, %pv: tensor<?x2x?x8xf32>, %seqlens: tensor<?xi32>, %total: tensor<i32>, %cos: tensor<16x4xf32>, %sin: tensor<16x4xf32>) -> (tensor<?x?x32xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>) {
    // CHECK: %[[SPLIT:.*]]:3 = onnx.Split(%[[QKV]], %{{.*}}) {axis = -1 : i64} : (tensor<?x?x64xf32>, tensor<3xi64>) -> (tensor<?x?x32xf32>, tensor<?x?x16xf32>, tensor<?x?x16xf32>)
    // CHECK: %[[POS:.*]] = onnx.Add(%{{.*}}, %{{.*}}) : (tensor<?x1xi64>, tensor<?xi64>) -> tensor<?x?xi64>
    // CHECK: %[[Q:.*]] = onnx.RotaryEmbedding(%{{.*}}, %{{.*}}, %{{.*}}, %[[POS]]) {interleaved = 0 : i64} : (tensor<?x4x?x8xf32>
    // CHECK: %[[K:.*]] = onnx.RotaryEmbedding(%{{.*}}, %{{.*}}, %{{.*}}, %[[POS]]) {interleaved = 0 : i64} : (tensor<?x2x?x8xf32>
    // CHECK: %[[ROOM:.*]] = onnx.Pad(%[[PK]],
    // CHECK: %[[PRESENT:.*]] = onnx.Custom "" "TensorScatter"(%[[ROOM]], %[[K]], %{{.*}}) {axis = 2 : i64}
    // CHECK: %[[V:.*]] = onnx.Custom "" "TensorScatter"
    // CHECK: %[[MASK:.*]] = onnx.LessOrEqual
    // CHECK: onnx.Attention(%[[Q]], %[[PRESENT]], %[[V]], %[[MASK]])
    // CHECK-SAME: scale = 0.353553385 : f32
    // CHECK: onnx.Return %{{.*}}, %[[PRESENT]], %[[V]]
    %y:3 = onnx.ms.GroupQueryAttention(%qkv, %pk, %pv, %seqlens, %total, %cos, %sin) {do_rotary = 1 : i64, rotary_interleaved = 0 : i64, num_heads = 4 : i64, kv_num_heads = 2 : i64, local_window_size = -1 : i64, operandSegmentSizes = array<i32: 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 1, 1, 0>} : (tensor<?x?x64xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?xi32>, tensor<i32>, tensor<16x4xf32>, tensor<16x4xf32>) -> (tensor<?x?x32xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>)
    onnx.Return %y#0, %y#1, %y#2 : tensor<?x?x32xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>
  }
}

// -----

// CHECK-LABEL: func.func @window
func.func @window(%qkv: tensor<?x?x64xf32>, %seqlens: tensor<?xi32>, %total: tensor<i32>) -> tensor<?x?x32xf32> {
  // CHECK: onnx.ms.GroupQueryAttention
  // expected-remark @+1 {{not raised: a local window}}
  %y = onnx.ms.GroupQueryAttention(%qkv, %seqlens, %total) {num_heads = 4 : i64, kv_num_heads = 2 : i64, local_window_size = 8 : i64, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x?x64xf32>, tensor<?xi32>, tensor<i32>) -> tensor<?x?x32xf32>
  onnx.Return %y : tensor<?x?x32xf32>
}

// -----

// An opaque operator of the default domain keeps its opset, so the cache keeps its operator.
module attributes {onnx.opset = {ai.onnx = 21 : i64}} {
  // CHECK-LABEL: func.func @older_operator
  func.func @older_operator(%qkv: tensor<?x?x64xf32>, %pk: tensor<?x2x?x8xf32>, %seqlens: tensor<?xi32>, %total: tensor<i32>) -> tensor<?x?x32xf32> {
    %0 = onnx.Custom "" "GridSample" (%qkv) : (tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
    // CHECK: onnx.ms.GroupQueryAttention
    // expected-remark @+1 {{not raised: the cache needs opset 24, but GridSample is of an older one}}
    %y = onnx.ms.GroupQueryAttention(%0, %pk, %pk, %seqlens, %total) {num_heads = 4 : i64, kv_num_heads = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x?x64xf32>, tensor<?x2x?x8xf32>, tensor<?x2x?x8xf32>, tensor<?xi32>, tensor<i32>) -> tensor<?x?x32xf32>
    onnx.Return %y : tensor<?x?x32xf32>
  }
}

// -----

// What no rule knows is said, not passed over.
// CHECK-LABEL: func.func @no_rule
func.func @no_rule(%x: tensor<3x8xf32>, %y: tensor<8x8xf32>) -> tensor<3x8xf32> {
  // CHECK: onnx.ms.FusedMatMul
  // expected-remark @+1 {{not raised: no rule for this operator}}
  %0 = onnx.ms.FusedMatMul(%x, %y) {alpha = 2.0 : f32} : (tensor<3x8xf32>, tensor<8x8xf32>) -> tensor<3x8xf32>
  onnx.Return %0 : tensor<3x8xf32>
}
