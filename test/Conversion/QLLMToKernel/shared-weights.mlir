// A weight beside inputs of several formats: each product reads what its own kernel wants, and what is equal is made once.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 fuse=false" | FileCheck %s

// The first input is symmetric, the second is not and needs the weight's sums.

// CHECK-LABEL: func.func @sums_for_the_second
// CHECK: %[[C:.*]] = onnx.Initializer "c"
// CHECK: %[[W:.*]] = qk.shuffle_weight %[[C]]
// CHECK-NEXT: %[[SUMS:.*]] = qk.code_sums %[[C]] : tensor<64x128xi4> -> tensor<64xi32>
// CHECK-NOT: qk.shuffle_weight
// CHECK: qk.linear %{{.*}}, %[[W]] scales(%{{.*}}) formats(<8>, <4>)
// CHECK-NOT: qk.shuffle_weight
// CHECK: qk.linear %{{.*}}, %[[W]] scales(%{{.*}}) zero_points(%{{.*}}, %[[SUMS]]) formats(<8, asymmetric>, <4>)
// CHECK: return
func.func @sums_for_the_second(%x: tensor<?x128xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8>, per_token>
  %r = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8, asymmetric>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.int<8>, per_token>, !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.linear %r, %w : (!qllm.quantized<?x128, #qllm.int<8, asymmetric>, per_token>, !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// Beside four bits the weight is row-major and filled up to whole pieces of 32 codes, beside eight it is shuffled and has 16.

// CHECK-LABEL: func.func @order_and_depth
// CHECK: %[[C:.*]] = onnx.Initializer "c"
// CHECK: %[[ROWS:.*]] = qk.pad_weight %[[C]] : tensor<64x40xi4> -> tensor<64x64xi4>
// CHECK: %[[PADDED:.*]] = qk.pad_weight %[[C]] : tensor<64x40xi4> -> tensor<64x48xi4>
// CHECK: %[[W:.*]] = qk.shuffle_weight %[[PADDED]]
// CHECK: qk.linear %{{.*}}, %[[ROWS]] scales(%{{.*}}) formats(<4>, <4>)
// CHECK: qk.linear %{{.*}}, %[[W]] scales(%{{.*}}) formats(<8>, <4>)
// CHECK: return
func.func @order_and_depth(%x: tensor<?x40xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x40xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x40xi4>, tensor<64xf32>) -> !qllm.quantized<64x40, #qllm.int<4>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x40xf32> -> !qllm.quantized<?x40, #qllm.int<4>, per_token>
  %r = qllm.quantize %x : tensor<?x40xf32> -> !qllm.quantized<?x40, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x40, #qllm.int<4>, per_token>, !qllm.quantized<64x40, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.linear %r, %w : (!qllm.quantized<?x40, #qllm.int<8>, per_token>, !qllm.quantized<64x40, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}
