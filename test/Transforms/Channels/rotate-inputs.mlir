// RUN: qllm-opt %s -qllm-rotate-inputs -split-input-file | FileCheck %s
// RUN: not qllm-opt %s -qllm-rotate-inputs="targets=*down_proj block=16" -split-input-file 2>&1 | FileCheck %s --check-prefix=BLOCK
// RUN: not qllm-opt %s -qllm-rotate-inputs="targets=down" -split-input-file 2>&1 | FileCheck %s --check-prefix=TARGET

// 24 = 12 x 2, as one would write 1536 = 12 x 128. The other reader keeps the value as it is.
// CHECK-LABEL: func.func @kronecker
// CHECK-SAME: %[[X:.*]]: tensor
// CHECK: %[[H:.*]] = onnx.Initializer "hadamard_12"
// CHECK: %[[D:.*]] = qllm.rotate_channels %[[X]] by(%[[H]] : tensor<12x12xf32>) stride 2 : tensor<?x24xf32>
// CHECK: %[[R:.*]] = qllm.rotate_channels %[[D]] hadamard 2 : tensor<?x24xf32>
// CHECK: qllm.rotate_channels %{{.*}} by(%[[H]] : tensor<12x12xf32>) stride 2 : tensor<4x24xf32>
// CHECK: %[[V:.*]] = qllm.rotate_channels %{{.*}} hadamard 2 : tensor<4x24xf32>
// CHECK: qllm.linear %[[R]], %[[V]]
// CHECK: qllm.linear %[[X]],
// BLOCK: error: {{.*}}expected blocks that divide the 24 channels and have a Hadamard matrix (24, 12, 8, 4, 2, 1), but got blocks of 16
// TARGET: error: {{.*}}targets
func.func @kronecker(%x: tensor<?x24xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x24xf32>
  %y = qllm.linear %x, %w {qllm.name = "layers.0.down_proj"} : (tensor<?x24xf32>, tensor<4x24xf32>) -> tensor<?x4xf32>
  %z = qllm.linear %x, %w {qllm.name = "other"} : (tensor<?x24xf32>, tensor<4x24xf32>) -> tensor<?x4xf32>
  return %y, %z : tensor<?x4xf32>, tensor<?x4xf32>
}
