// The example of the documentation gives what it says.
// RUN: qllm-opt %s -qllm-fold-channel-transforms | FileCheck %s

// CHECK: func.func @example(%[[X:.*]]: tensor<?x4xf32>, %[[W:.*]]: tensor<8x4xf32>, %[[F:.*]]: tensor<4xf32>)
// CHECK-NEXT: %[[W2:.*]] = qllm.scale_channels %[[W]] by %[[F]] : tensor<8x4xf32>, tensor<4xf32>
// CHECK-NEXT: qllm.linear %[[X]], %[[W2]] : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
func.func @example(%x: tensor<?x4xf32>, %w: tensor<8x4xf32>, %f: tensor<4xf32>) -> tensor<?x8xf32> {
  %0 = qllm.scale_channels %x by %f : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.linear %0, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
