// Each channel transform on values small enough to check by eye.
// RUN: qllm-translate --run %s

func.func @scale() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>
  %f = onnx.Initializer "f" = dense<[2.0, 0.5]> : tensor<2xf32>
  %times = onnx.Initializer "times" = dense<[[2.0, 1.0], [6.0, -2.0]]> : tensor<2x2xf32>
  %0 = qllm.scale_channels %x by %f : tensor<2x2xf32>, tensor<2xf32>
  check.expect_eq %0, %times : tensor<2x2xf32>, tensor<2x2xf32>
  %1 = qllm.scale_channels %0 by %f inverse : tensor<2x2xf32>, tensor<2xf32>
  check.expect_eq %1, %x : tensor<2x2xf32>, tensor<2x2xf32>
  return
}

func.func @shift() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0], [3.0, -4.0]]> : tensor<2x2xf32>
  %d = onnx.Initializer "d" = dense<[2.0, 0.5]> : tensor<2xf32>
  %plus = onnx.Initializer "plus" = dense<[[3.0, 2.5], [5.0, -3.5]]> : tensor<2x2xf32>
  %0 = qllm.shift_channels %x by %d : tensor<2x2xf32>, tensor<2xf32>
  check.expect_eq %0, %plus : tensor<2x2xf32>, tensor<2x2xf32>
  %1 = qllm.shift_channels %0 by %d inverse : tensor<2x2xf32>, tensor<2xf32>
  check.expect_eq %1, %x : tensor<2x2xf32>, tensor<2x2xf32>
  return
}

func.func @permute() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0, 3.0]]> : tensor<1x3xf32>
  %e = onnx.Initializer "e" = dense<[[3.0, 1.0, 2.0]]> : tensor<1x3xf32>
  %0 = qllm.permute_channels %x order [2, 0, 1] : tensor<1x3xf32>
  check.expect_eq %0, %e : tensor<1x3xf32>, tensor<1x3xf32>
  return
}

// H4 of (1, 2, 3, 4), twice over: half of (10, -2, -4, 0).
func.func @hadamard() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0]]> : tensor<1x8xf32>
  %e = onnx.Initializer "e" = dense<[[5.0, -1.0, -2.0, 0.0, 2.0, 0.0, 0.0, 0.0]]> : tensor<1x8xf32>
  %0 = qllm.rotate_channels %x hadamard 4 : tensor<1x8xf32>
  check.expect_close %0, %e : tensor<1x8xf32>, tensor<1x8xf32>
  return
}

// x R for rows, and x R^T with inverse; a quarter turn is exact.
func.func @rotate() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0, 3.0, 4.0]]> : tensor<1x4xf32>
  %r = onnx.Initializer "r" = dense<[[0.0, 1.0], [-1.0, 0.0]]> : tensor<2x2xf32>
  %there = onnx.Initializer "there" = dense<[[-2.0, 1.0, -4.0, 3.0]]> : tensor<1x4xf32>
  %back = onnx.Initializer "back" = dense<[[2.0, -1.0, 4.0, -3.0]]> : tensor<1x4xf32>
  %0 = qllm.rotate_channels %x by(%r : tensor<2x2xf32>) : tensor<1x4xf32>
  check.expect_eq %0, %there : tensor<1x4xf32>, tensor<1x4xf32>
  %1 = qllm.rotate_channels %x by(%r : tensor<2x2xf32>) inverse : tensor<1x4xf32>
  check.expect_eq %1, %back : tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// Channels 0 and 2, and 1 and 3 of every four, by a quarter turn; by H2 with weights sqrt(2) apart.
func.func @rotate_stride() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]> : tensor<1x8xf32>
  %r = onnx.Initializer "r" = dense<[[0.0, 1.0], [-1.0, 0.0]]> : tensor<2x2xf32>
  %there = onnx.Initializer "there" = dense<[[-3.0, -4.0, 1.0, 2.0, -7.0, -8.0, 5.0, 6.0]]> : tensor<1x8xf32>
  %0 = qllm.rotate_channels %x by(%r : tensor<2x2xf32>) stride 2 : tensor<1x8xf32>
  check.expect_eq %0, %there : tensor<1x8xf32>, tensor<1x8xf32>
  %1 = qllm.rotate_channels %0 by(%r : tensor<2x2xf32>) stride 2 inverse : tensor<1x8xf32>
  check.expect_eq %1, %x : tensor<1x8xf32>, tensor<1x8xf32>
  // H4 over all with stride 2: halves of sums and differences of (1, 3, 5, 7) and (2, 4, 6, 8).
  %h = onnx.Initializer "h" = dense<[[8.0, 10.0, -2.0, -2.0, -4.0, -4.0, 0.0, 0.0]]> : tensor<1x8xf32>
  %2 = qllm.rotate_channels %x hadamard 4 stride 2 : tensor<1x8xf32>
  check.expect_close %2, %h : tensor<1x8xf32>, tensor<1x8xf32>
  return
}

func.func @split() {
  %x = onnx.Initializer "x" = dense<[[1.0, 6.0, 3.0]]> : tensor<1x3xf32>
  %shares = onnx.Initializer "shares" = dense<[[1.0, 2.0, 2.0, 2.0, 1.5, 1.5]]> : tensor<1x6xf32>
  %copies = onnx.Initializer "copies" = dense<[[1.0, 6.0, 6.0, 6.0, 3.0, 3.0]]> : tensor<1x6xf32>
  %0 = qllm.split_channels %x parts [1, 3, 2] : tensor<1x3xf32>
  check.expect_eq %0, %shares : tensor<1x6xf32>, tensor<1x6xf32>
  // The offsets wait for the quantizer: the values are the same.
  %1 = qllm.split_channels %x parts [1, 3, 2] rounding_offsets : tensor<1x3xf32>
  check.expect_eq %1, %shares : tensor<1x6xf32>, tensor<1x6xf32>
  %2 = qllm.split_channels %x parts [1, 3, 2] repeat : tensor<1x3xf32>
  check.expect_eq %2, %copies : tensor<1x6xf32>, tensor<1x6xf32>
  return
}

func.func @merge() {
  %x = onnx.Initializer "x" = dense<[[1.0, 2.0, 3.0, 8.0]]> : tensor<1x4xf32>
  %means = onnx.Initializer "means" = dense<[[4.0, 2.0]]> : tensor<1x2xf32>
  %sums = onnx.Initializer "sums" = dense<[[12.0, 2.0]]> : tensor<1x2xf32>
  %0 = qllm.merge_channels %x targets [0, 1, 0, 0] : tensor<1x4xf32>
  check.expect_eq %0, %means : tensor<1x2xf32>, tensor<1x2xf32>
  %1 = qllm.merge_channels %x targets [0, 1, 0, 0] sum : tensor<1x4xf32>
  check.expect_eq %1, %sums : tensor<1x2xf32>, tensor<1x2xf32>
  return
}

// Arithmetic is f32 whatever the elements are.
func.func @half_precision() {
  %x = onnx.Initializer "x" = dense<[[1.0, 3.0]]> : tensor<1x2xf16>
  %f = onnx.Initializer "f" = dense<[0.5, 3.0]> : tensor<2xf32>
  %e = onnx.Initializer "e" = dense<[[0.5, 9.0]]> : tensor<1x2xf16>
  %0 = qllm.scale_channels %x by %f : tensor<1x2xf16>, tensor<2xf32>
  check.expect_eq %0, %e : tensor<1x2xf16>, tensor<1x2xf16>
  return
}
