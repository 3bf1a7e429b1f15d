// The distribution's own mlir-opt knows the quantized type, the transforms' interface and the passes with the plugin
// loaded.
// RUN: mlir-opt %s --load-dialect-plugin=%qllm_plugin --load-pass-plugin=%qllm_plugin \
// RUN:   --pass-pipeline='builtin.module(func.func(qllm-fold-channel-transforms,canonicalize))' | FileCheck %s

// CHECK-LABEL: func.func @folded
// CHECK-SAME: %[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<8x4xf32>, %[[Q:.*]]: !qllm.quantized<8x4, #qllm.int<4>, per_channel<0>>
func.func @folded(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %q: !qllm.quantized<8x4, #qllm.int<4>, per_channel<0>>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  // CHECK-DAG: %[[W2:.*]] = qllm.permute_channels %[[W]] order [1, 0, 2, 3]
  // CHECK-DAG: qllm.linear %[[X]], %[[W2]]
  // CHECK-DAG: qllm.linear %[[X]], %[[Q]]
  %0 = qllm.permute_channels %x order [1, 0, 2, 3] : tensor<?x4xf32>
  %1 = qllm.linear %0, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %2 = qllm.dequantize %q : !qllm.quantized<8x4, #qllm.int<4>, per_channel<0>> -> tensor<8x4xf32>
  %3 = qllm.linear %x, %2 : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %1, %3 : tensor<?x8xf32>, tensor<?x8xf32>
}
