// The module computes the same before and after folding.
// RUN: qllm-translate --run %s
// RUN: qllm-opt %s -qllm-fold-channel-transforms -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: qllm-translate --run %t.mlir

// Every transform in a row, on an activation with two consumers, one of them a branch. Both read
// the activation itself afterwards. The expected values were computed with numpy in f64.
// CHECK-LABEL: func.func @chain
// CHECK: %[[X:.*]] = onnx.Initializer "x"
// CHECK: qllm.linear %[[X]],
// CHECK: qllm.low_rank %[[X]],
func.func @chain() {
  %x = onnx.Initializer "x" = dense<[[1.0, -2.0, 3.0, 0.5], [0.25, 4.0, -1.0, 2.0]]> : tensor<2x4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, 0.5, 4.0, 1.0]> : tensor<4xf32>
  %r = onnx.Initializer "r" = dense<[[0.6, 0.8], [-0.8, 0.6]]> : tensor<2x2xf32>
  %w = onnx.Initializer "w" = dense<[[1.25, -1.75, -1.25, -1.0, -1.25], [1.25, 1.5, 0.25, -2.0, -1.75], [-0.75, -0.25, 0.5, 0.0, -1.0]]> : tensor<3x5xf32>
  %b = onnx.Initializer "b" = dense<[0.5, -1.5, 2.0]> : tensor<3xf32>
  %down = onnx.Initializer "down" = dense<[[-1.5, 0.75, 1.0, -2.0, -1.75], [-0.25, -0.5, 1.75, 0.0, -0.25]]> : tensor<2x5xf32>
  %up = onnx.Initializer "up" = dense<[[-0.25, 0.75], [0.25, -1.5], [1.0, 1.0]]> : tensor<3x2xf32>
  %linear = onnx.Initializer "linear" = dense<[[-3.24375, -0.1020833, 3.6479167], [3.2, -11.0395833, -1.2395833]]> : tensor<2x3xf32>
  %branch = onnx.Initializer "branch" = dense<[[0.6942708, -2.0645833, 4.53125], [0.1239583, 2.3776042, -13.8375]]> : tensor<2x3xf32>
  %0 = qllm.scale_channels %x by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  %1 = qllm.rotate_channels %0 by(%r : tensor<2x2xf32>) : tensor<2x4xf32>
  %2 = qllm.permute_channels %1 order [2, 0, 3, 1] : tensor<2x4xf32>
  %3 = qllm.split_channels %2 parts [1, 3, 1, 2] : tensor<2x4xf32>
  %4 = qllm.merge_channels %3 targets [0, 1, 2, 2, 3, 4, 0] : tensor<2x7xf32>
  %5 = qllm.linear %4, %w bias(%b) : (tensor<2x5xf32>, tensor<3x5xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  %6 = qllm.low_rank %4, %down, %up : (tensor<2x5xf32>, tensor<2x5xf32>, tensor<3x2xf32>) -> tensor<2x3xf32>
  check.expect_close %5, %linear : tensor<2x3xf32>, tensor<2x3xf32>
  check.expect_close %6, %branch : tensor<2x3xf32>, tensor<2x3xf32>
  return
}

// Shifts in both directions, with and without a bias to put them into: x + (1, 2) and x - (1, 2).
// CHECK-LABEL: func.func @shift
// CHECK: %[[X:.*]] = onnx.Initializer "x"
// CHECK-COUNT-3: qllm.linear %[[X]],
func.func @shift() {
  %x = onnx.Initializer "x" = dense<[[3.0, 4.0]]> : tensor<1x2xf32>
  %d = onnx.Initializer "d" = dense<[1.0, 2.0]> : tensor<2xf32>
  %w = onnx.Initializer "w" = dense<[[1.0, 1.0], [2.0, -1.0]]> : tensor<2x2xf32>
  %b = onnx.Initializer "b" = dense<[100.0, 200.0]> : tensor<2xf32>
  %plus = onnx.Initializer "plus" = dense<[[10.0, 2.0]]> : tensor<1x2xf32>
  %minus = onnx.Initializer "minus" = dense<[[104.0, 202.0]]> : tensor<1x2xf32>
  %minus_alone = onnx.Initializer "minus_alone" = dense<[[4.0, 2.0]]> : tensor<1x2xf32>
  %0 = qllm.shift_channels %x by %d : tensor<1x2xf32>, tensor<2xf32>
  %1 = qllm.linear %0, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  check.expect_eq %1, %plus : tensor<1x2xf32>, tensor<1x2xf32>
  %2 = qllm.shift_channels %x by %d inverse : tensor<1x2xf32>, tensor<2xf32>
  %3 = qllm.linear %2, %w bias(%b) : (tensor<1x2xf32>, tensor<2x2xf32>, tensor<2xf32>) -> tensor<1x2xf32>
  check.expect_eq %3, %minus : tensor<1x2xf32>, tensor<1x2xf32>
  %4 = qllm.linear %2, %w : (tensor<1x2xf32>, tensor<2x2xf32>) -> tensor<1x2xf32>
  check.expect_eq %4, %minus_alone : tensor<1x2xf32>, tensor<1x2xf32>
  return
}

// Two scales before a quantizer become one; with powers of two the codes are the same.
// CHECK-LABEL: func.func @composed
// CHECK: qllm.scale_channels %{{.*}} by %{{.*}} inverse : tensor<2xf32>, tensor<2xf32>
// CHECK: qllm.scale_channels %{{.*}} : tensor<1x2xf32>
// CHECK-NOT: qllm.scale_channels %{{.*}} : tensor<1x2xf32>
// CHECK: return
func.func @composed() {
  %x = onnx.Initializer "x" = dense<[[3.0, -8.0]]> : tensor<1x2xf32>
  %f = onnx.Initializer "f" = dense<[2.0, 8.0]> : tensor<2xf32>
  %g = onnx.Initializer "g" = dense<[0.5, 4.0]> : tensor<2xf32>
  %codes = onnx.Initializer "codes" = dense<[[95, -127]]> : tensor<1x2xi8>
  %0 = qllm.scale_channels %x by %f : tensor<1x2xf32>, tensor<2xf32>
  %1 = qllm.scale_channels %0 by %g inverse : tensor<1x2xf32>, tensor<2xf32>
  %2 = qllm.quantize %1 : tensor<1x2xf32> -> !qllm.quantized<1x2, #qllm.int<8>, per_token>
  %c, %s = qllm.unpack %2 : !qllm.quantized<1x2, #qllm.int<8>, per_token>
  check.expect_eq %c, %codes : tensor<1x2xi8>, tensor<1x2xi8>
  return
}
