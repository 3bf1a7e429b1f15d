// RUN: qllm-opt %s -split-input-file -verify-diagnostics -pass-pipeline='builtin.module(func.func(qllm-fold-channel-transforms{report=true}))' | FileCheck %s

// One table for two layers: both take the scale over, each into its own weight, and nothing is left in front.
// CHECK-LABEL: func.func @scale_into_every_consumer
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[F:.*]]: tensor<4xf32>, %[[A:.*]]: tensor<8x4xf32>, %[[B:.*]]: tensor<6x4xf32>
// expected-remark @+1 {{1 seen, 1 folded, 0 composed, 0 kept}}
func.func @scale_into_every_consumer(%x: tensor<?x4xf32>, %f: tensor<4xf32>, %a: tensor<8x4xf32>, %b: tensor<6x4xf32>)
    -> (tensor<?x8xf32>, tensor<?x6xf32>) {
  // CHECK-DAG: %[[A2:.*]] = qllm.scale_channels %[[A]] by %[[F]] inverse
  // CHECK-DAG: %[[B2:.*]] = qllm.scale_channels %[[B]] by %[[F]] inverse
  // CHECK-DAG: qllm.linear %[[X]], %[[A2]] :
  // CHECK-DAG: qllm.linear %[[X]], %[[B2]] :
  // CHECK-NOT: qllm.scale_channels %[[X]]
  %0 = qllm.scale_channels %x by %f inverse : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.linear %0, %a : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %2 = qllm.linear %0, %b : (tensor<?x4xf32>, tensor<6x4xf32>) -> tensor<?x6xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x6xf32>
}

// -----

// W (x + d) + b = W x + (W d + b); attributes of the layer stay.
// CHECK-LABEL: func.func @shift_into_bias
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[D:.*]]: tensor<4xf32>, %[[W:.*]]: tensor<8x4xf32>, %[[B:.*]]: tensor<8xf32>
// expected-remark @+1 {{1 seen, 1 folded, 0 composed, 0 kept}}
func.func @shift_into_bias(%x: tensor<?x4xf32>, %d: tensor<4xf32>, %w: tensor<8x4xf32>, %b: tensor<8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[B2:.*]] = qllm.linear %[[D]], %[[W]] bias(%[[B]]) : (tensor<4xf32>
  // CHECK: qllm.linear %[[X]], %[[W]] bias(%[[B2]]) {note = "mine"}
  %0 = qllm.shift_channels %x by %d : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.linear %0, %w bias(%b) {note = "mine"} : (tensor<?x4xf32>, tensor<8x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// Column order[j] of the layer's new weight is column j of its old one.
// CHECK-LABEL: func.func @permute_backwards
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<8x4xf32>
// expected-remark @+1 {{1 seen, 1 folded, 0 composed, 0 kept}}
func.func @permute_backwards(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[W2:.*]] = qllm.permute_channels %[[W]] order [1, 2, 3, 0]
  // CHECK: qllm.linear %[[X]], %[[W2]]
  %0 = qllm.permute_channels %x order [3, 0, 1, 2] : tensor<?x4xf32>
  %1 = qllm.linear %0, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}

// -----

// A chain goes from the back: the split first, then what stood in front of it.
// CHECK-LABEL: func.func @chain
// CHECK-SAME: %[[X:.*]]: tensor<?x2xf32>, %[[F:.*]]: tensor<2xf32>, %[[W:.*]]: tensor<8x3xf32>
// expected-remark @+1 {{3 seen, 3 folded, 0 composed, 0 kept}}
func.func @chain(%x: tensor<?x2xf32>, %f: tensor<2xf32>, %w: tensor<8x3xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[MERGED:.*]] = qllm.merge_channels %[[W]] targets [0, 0, 1] : tensor<8x3xf32>
  // CHECK: %[[ROTATED:.*]] = qllm.rotate_channels %[[MERGED]] hadamard 2 : tensor<8x2xf32>
  // CHECK: %[[SCALED:.*]] = qllm.scale_channels %[[ROTATED]] by %[[F]]
  // CHECK: qllm.linear %[[X]], %[[SCALED]]
  %0 = qllm.scale_channels %x by %f : tensor<?x2xf32>, tensor<2xf32>
  %1 = qllm.rotate_channels %0 hadamard 2 : tensor<?x2xf32>
  %2 = qllm.split_channels %1 parts [2, 1] : tensor<?x2xf32>
  %3 = qllm.linear %2, %w : (tensor<?x3xf32>, tensor<8x3xf32>) -> tensor<?x8xf32>
  return %3 : tensor<?x8xf32>
}

// -----

// A branch beside the layer reads the same activation, so both take it over.
// CHECK-LABEL: func.func @low_rank_too
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// expected-remark @+1 {{1 seen, 1 folded, 0 composed, 0 kept}}
func.func @low_rank_too(%x: tensor<?x4xf32>, %f: tensor<4xf32>, %w: tensor<8x4xf32>, %down: tensor<2x4xf32>, %up: tensor<8x2xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-DAG: qllm.linear %[[X]],
  // CHECK-DAG: qllm.low_rank %[[X]],
  %0 = qllm.scale_channels %x by %f : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.linear %0, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %2 = qllm.low_rank %0, %down, %up : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<8x2xf32>) -> tensor<?x8xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// A branch has no bias to shift, so the layer keeps its own input too, and nothing half-done stays behind.
// CHECK-LABEL: func.func @all_or_nothing
// CHECK-NEXT: %[[S:.*]] = qllm.shift_channels
// CHECK-NEXT: qllm.linear %[[S]],
// CHECK-NEXT: qllm.low_rank %[[S]],
// CHECK-NEXT: return
// expected-remark @+1 {{1 seen, 0 folded, 0 composed, 1 kept}}
func.func @all_or_nothing(%x: tensor<?x4xf32>, %d: tensor<4xf32>, %w: tensor<8x4xf32>, %down: tensor<2x4xf32>, %up: tensor<8x2xf32>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // expected-remark @+1 {{kept: a consumer has no place for what it adds}}
  %0 = qllm.shift_channels %x by %d : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.linear %0, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %2 = qllm.low_rank %0, %down, %up : (tensor<?x4xf32>, tensor<2x4xf32>, tensor<8x2xf32>) -> tensor<?x8xf32>
  return %1, %2 : tensor<?x8xf32>, tensor<?x8xf32>
}

// -----

// Two scales before a quantizer: neither can go, but one operation does both.
// CHECK-LABEL: func.func @composed_where_it_stays
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[A:.*]]: tensor<4xf32>, %[[B:.*]]: tensor<4xf32>
// CHECK-NEXT: %[[F:.*]] = qllm.scale_channels %[[B]] by %[[A]] inverse : tensor<4xf32>, tensor<4xf32>
// CHECK-NEXT: %[[S:.*]] = qllm.scale_channels %[[X]] by %[[F]] : tensor<?x4xf32>
// CHECK-NEXT: qllm.quantize %[[S]]
// expected-remark @+1 {{2 seen, 0 folded, 1 composed, 1 kept}}
func.func @composed_where_it_stays(%x: tensor<?x4xf32>, %a: tensor<4xf32>, %b: tensor<4xf32>) -> !qllm.quantized<?x4, #qllm.int<8>, per_token> {
  %0 = qllm.scale_channels %x by %a inverse : tensor<?x4xf32>, tensor<4xf32>
  // expected-remark @+1 {{kept: its result is used by qllm.quantize}}
  %1 = qllm.scale_channels %0 by %b : tensor<?x4xf32>, tensor<4xf32>
  %2 = qllm.quantize %1 : tensor<?x4xf32> -> !qllm.quantized<?x4, #qllm.int<8>, per_token>
  return %2 : !qllm.quantized<?x4, #qllm.int<8>, per_token>
}

// -----

// A rotation and its inverse leave nothing, whatever follows.
// CHECK-LABEL: func.func @cancelled
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>
// CHECK-NEXT: return %[[X]]
// expected-remark @+1 {{2 seen, 0 folded, 2 composed, 0 kept}}
func.func @cancelled(%x: tensor<?x4xf32>, %r: tensor<4x4xf32>) -> tensor<?x4xf32> {
  %0 = qllm.rotate_channels %x by(%r : tensor<4x4xf32>) : tensor<?x4xf32>
  %1 = qllm.rotate_channels %0 by(%r : tensor<4x4xf32>) inverse : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// -----

// What stays says why.
// expected-remark @+1 {{4 seen, 0 folded, 0 composed, 4 kept}}
func.func @kept(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %q: !qllm.quantized<8x4, #qllm.int<4>, per_channel<0>>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x4xf32>) {
  // expected-remark @+1 {{kept: the weight of a consumer is quantized}}
  %0 = qllm.rotate_channels %x hadamard 4 : tensor<?x4xf32>
  %1 = qllm.linear %0, %q : (tensor<?x4xf32>, !qllm.quantized<8x4, #qllm.int<4>, per_channel<0>>) -> tensor<?x8xf32>
  // expected-remark @+1 {{kept: its result is a parameter of qllm.linear}}
  %2 = qllm.permute_channels %w order [3, 2, 1, 0] : tensor<8x4xf32>
  %3 = qllm.linear %x, %2 : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  // expected-remark @+1 {{kept: its result is used by func.return}}
  %4 = qllm.permute_channels %x order [3, 2, 1, 0] : tensor<?x4xf32>
  // expected-remark @+1 {{kept: its result is not used}}
  %5 = qllm.permute_channels %x order [3, 2, 1, 0] : tensor<?x4xf32>
  return %1, %3, %4 : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x4xf32>
}
