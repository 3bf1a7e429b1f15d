// Every transform is accounted for: seen = folded + composed + kept.
// RUN: qllm-opt %s -qllm-fold-channel-transforms=report=true -o /dev/null 2>&1 | FileCheck %s
// CHECK: remark: channel transforms: 6 seen, 2 folded, 3 composed, 1 kept

func.func @counted(%x: tensor<?x4xf32>, %f: tensor<4xf32>, %w: tensor<8x4xf32>) -> (tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>) {
  %0 = qllm.scale_channels %x by %f : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.permute_channels %0 order [3, 2, 1, 0] : tensor<?x4xf32>
  %2 = qllm.linear %1, %w : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  %3 = qllm.rotate_channels %x hadamard 4 : tensor<?x4xf32>
  %4 = qllm.rotate_channels %3 hadamard 4 : tensor<?x4xf32>
  %5 = qllm.shift_channels %x by %f : tensor<?x4xf32>, tensor<4xf32>
  %6 = qllm.shift_channels %5 by %f : tensor<?x4xf32>, tensor<4xf32>
  return %2, %4, %6 : tensor<?x8xf32>, tensor<?x4xf32>, tensor<?x4xf32>
}
