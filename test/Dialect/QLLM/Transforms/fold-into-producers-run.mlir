// Every function computes one value twice: once behind a transform that folds into its producer, and once behind one
// that cannot, as its input is read elsewhere too. Both are compared before and after folding.
// RUN: qllm-translate --run %s
// RUN: qllm-opt %s -qllm-fold-channel-transforms=into=producers -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: qllm-translate --run %t.mlir

// x / rms(x) * g * f
// CHECK-LABEL: func.func private @norm_scale
// CHECK-COUNT-1: qllm.scale_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.scale_channels %{{.*}} : tensor<2x
func.func private @norm_scale(%x: tensor<2x4xf32>) {
  %g = onnx.Initializer "g" = dense<[-1.75,  2.00,  0.50, -1.00]> : tensor<4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ay = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.scale_channels %ay by %f : tensor<2x4xf32>, tensor<4xf32>
  %by = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.scale_channels %by by %f : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Gain and bias.
// CHECK-LABEL: func.func private @layer_norm_scale
// CHECK-COUNT-1: qllm.scale_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.scale_channels %{{.*}} : tensor<2x
func.func private @layer_norm_scale(%x: tensor<2x4xf32>) {
  %g = onnx.Initializer "g" = dense<[-1.75,  2.00,  0.50, -1.00]> : tensor<4xf32>
  %b = onnx.Initializer "b" = dense<[-0.25,  2.00,  1.50,  1.50]> : tensor<4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ay, %am, %ad = onnx.LayerNormalization(%x, %g, %b) {axis = -1 : i64, resultSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  %at = qllm.scale_channels %ay by %f : tensor<2x4xf32>, tensor<4xf32>
  %by, %bm, %bd = onnx.LayerNormalization(%x, %g, %b) {axis = -1 : i64, resultSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  %bt = qllm.scale_channels %by by %f : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// The bias alone.
// CHECK-LABEL: func.func private @layer_norm_shift
// CHECK-COUNT-1: qllm.shift_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.shift_channels %{{.*}} : tensor<2x
func.func private @layer_norm_shift(%x: tensor<2x4xf32>) {
  %g = onnx.Initializer "g" = dense<[-1.75,  2.00,  0.50, -1.00]> : tensor<4xf32>
  %b = onnx.Initializer "b" = dense<[-0.50,  0.00,  0.75, -1.75]> : tensor<4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ay, %am, %ad = onnx.LayerNormalization(%x, %g, %b) {axis = -1 : i64, resultSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  %at = qllm.shift_channels %ay by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  %by, %bm, %bd = onnx.LayerNormalization(%x, %g, %b) {axis = -1 : i64, resultSegmentSizes = array<i32: 1, 1, 1>} : (tensor<2x4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2x1xf32>, tensor<2x1xf32>)
  %bt = qllm.shift_channels %by by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Rows, and the bias with them.
// CHECK-LABEL: func.func private @linear_scale
// CHECK-COUNT-1: qllm.scale_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.scale_channels %{{.*}} : tensor<2x
func.func private @linear_scale(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[-1.50,  0.75, -0.25,  1.25]> : tensor<4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.scale_channels %ay by %f : tensor<2x4xf32>, tensor<4xf32>
  %by = qllm.linear %x, %bw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.scale_channels %by by %f : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Rows, and the bias with them.
// CHECK-LABEL: func.func private @linear_shift
// CHECK-COUNT-1: qllm.shift_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.shift_channels %{{.*}} : tensor<2x
func.func private @linear_shift(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[-1.00, -0.75,  1.25,  0.00]> : tensor<4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.shift_channels %ay by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  %by = qllm.linear %x, %bw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.shift_channels %by by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Rows, and the bias with them.
// CHECK-LABEL: func.func private @linear_permute
// CHECK-COUNT-1: qllm.permute_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.permute_channels %{{.*}} : tensor<2x
func.func private @linear_permute(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[ 0.00, -1.00, -2.00,  1.75]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.permute_channels %ay order [2, 0, 3, 1] : tensor<2x4xf32>
  %by = qllm.linear %x, %bw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.permute_channels %by order [2, 0, 3, 1] : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Rows, and the bias with them.
// CHECK-LABEL: func.func private @linear_split
// CHECK-COUNT-1: qllm.split_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.split_channels %{{.*}} : tensor<2x
func.func private @linear_split(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[-1.75,  1.50, -0.50,  1.75]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.split_channels %ay parts [1, 2, 1, 2] : tensor<2x4xf32>
  %by = qllm.linear %x, %bw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.split_channels %by parts [1, 2, 1, 2] : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x6xf32>, tensor<2x6xf32>
  return
}

// Rows, and the bias with them.
// CHECK-LABEL: func.func private @linear_merge
// CHECK-COUNT-1: qllm.merge_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.merge_channels %{{.*}} : tensor<2x
func.func private @linear_merge(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[-0.50,  1.75,  0.25, -1.00]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.merge_channels %ay targets [0, 1, 0, 2] : tensor<2x4xf32>
  %by = qllm.linear %x, %bw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.merge_channels %by targets [0, 1, 0, 2] : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x3xf32>, tensor<2x3xf32>
  return
}

// Rows, and the bias with them.
// CHECK-LABEL: func.func private @linear_rotate
// CHECK-COUNT-1: qllm.rotate_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.rotate_channels %{{.*}} : tensor<2x
func.func private @linear_rotate(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[ 1.00,  0.75,  0.75, -0.25]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %at = qllm.rotate_channels %ay hadamard 2 stride 2 : tensor<2x4xf32>
  %by = qllm.linear %x, %bw bias(%b) : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %bt = qllm.rotate_channels %by hadamard 2 stride 2 : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// A bias appears.
// CHECK-LABEL: func.func private @linear_shift_without_bias
// CHECK-COUNT-1: qllm.shift_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.shift_channels %{{.*}} : tensor<2x
func.func private @linear_shift_without_bias(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ay = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %at = qllm.shift_channels %ay by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  %by = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %bt = qllm.shift_channels %by by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// A bias beside the layer.
// CHECK-LABEL: func.func private @sum_rotate
// CHECK-COUNT-1: qllm.rotate_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.rotate_channels %{{.*}} : tensor<2x
func.func private @sum_rotate(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[-1.00,  0.50, -1.50,  0.75]> : tensor<4xf32>
  %al = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %ay = onnx.Add(%b, %al) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %at = qllm.rotate_channels %ay hadamard 2 stride 2 : tensor<2x4xf32>
  %bl = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %by = onnx.Add(%b, %bl) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bt = qllm.rotate_channels %by hadamard 2 stride 2 : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// A shift needs only that bias.
// CHECK-LABEL: func.func private @sum_shift
// CHECK-COUNT-1: qllm.shift_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.shift_channels %{{.*}} : tensor<2x
func.func private @sum_shift(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[ 0.50, -0.50,  1.25, -1.25]> : tensor<4xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %al = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %ay = onnx.Add(%b, %al) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %at = qllm.shift_channels %ay by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  %bl = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %by = onnx.Add(%b, %bl) : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bt = qllm.shift_channels %by by %f inverse : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Rows of the linear factor; the gate stays.
// CHECK-LABEL: func.func private @gated_scale
// CHECK-COUNT-1: qllm.scale_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.scale_channels %{{.*}} : tensor<2x
func.func private @gated_scale(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[ 2.00,  1.00,  1.25], [-1.50,  0.75,  1.50], [-0.50,  0.25,  0.00], [ 1.75, -0.75, -0.50]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[ 2.00,  1.00,  1.25], [-1.50,  0.75,  1.50], [-0.50,  0.25,  0.00], [ 1.75, -0.75, -0.50]]> : tensor<4x3xf32>
  %av = onnx.Initializer "av" = dense<[[-2.00, -0.25,  0.50], [ 1.75,  1.75, -0.75], [ 2.00, -1.25,  1.25], [-1.25, -0.50, -1.75]]> : tensor<4x3xf32>
  %bv = onnx.Initializer "bv" = dense<[[-2.00, -0.25,  0.50], [ 1.75,  1.75, -0.75], [ 2.00, -1.25,  1.25], [-1.25, -0.50, -1.75]]> : tensor<4x3xf32>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 4.0, 0.25]> : tensor<4xf32>
  %ag = qllm.linear %x, %av : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %as = onnx.Sigmoid(%ag) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %aa = onnx.Mul(%ag, %as) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %au = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %ay = onnx.Mul(%aa, %au) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %at = qllm.scale_channels %ay by %f : tensor<2x4xf32>, tensor<4xf32>
  %bg = qllm.linear %x, %bv : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %bs = onnx.Sigmoid(%bg) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %ba = onnx.Mul(%bg, %bs) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bu = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %by = onnx.Mul(%ba, %bu) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bt = qllm.scale_channels %by by %f : tensor<2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Rows of both.
// CHECK-LABEL: func.func private @gated_permute
// CHECK-COUNT-1: qllm.permute_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.permute_channels %{{.*}} : tensor<2x
func.func private @gated_permute(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[ 2.00,  1.00,  1.25], [-1.50,  0.75,  1.50], [-0.50,  0.25,  0.00], [ 1.75, -0.75, -0.50]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[ 2.00,  1.00,  1.25], [-1.50,  0.75,  1.50], [-0.50,  0.25,  0.00], [ 1.75, -0.75, -0.50]]> : tensor<4x3xf32>
  %av = onnx.Initializer "av" = dense<[[-2.00, -0.25,  0.50], [ 1.75,  1.75, -0.75], [ 2.00, -1.25,  1.25], [-1.25, -0.50, -1.75]]> : tensor<4x3xf32>
  %bv = onnx.Initializer "bv" = dense<[[-2.00, -0.25,  0.50], [ 1.75,  1.75, -0.75], [ 2.00, -1.25,  1.25], [-1.25, -0.50, -1.75]]> : tensor<4x3xf32>
  %ag = qllm.linear %x, %av : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %as = onnx.Sigmoid(%ag) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %aa = onnx.Mul(%ag, %as) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %au = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %ay = onnx.Mul(%aa, %au) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %at = qllm.permute_channels %ay order [2, 0, 3, 1] : tensor<2x4xf32>
  %bg = qllm.linear %x, %bv : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %bs = onnx.Sigmoid(%bg) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %ba = onnx.Mul(%bg, %bs) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bu = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %by = onnx.Mul(%ba, %bu) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bt = qllm.permute_channels %by order [2, 0, 3, 1] : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Shares in the linear factor, whole copies in the gate.
// CHECK-LABEL: func.func private @gated_split
// CHECK-COUNT-1: qllm.split_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.split_channels %{{.*}} : tensor<2x
func.func private @gated_split(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[ 2.00,  1.00,  1.25], [-1.50,  0.75,  1.50], [-0.50,  0.25,  0.00], [ 1.75, -0.75, -0.50]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[ 2.00,  1.00,  1.25], [-1.50,  0.75,  1.50], [-0.50,  0.25,  0.00], [ 1.75, -0.75, -0.50]]> : tensor<4x3xf32>
  %av = onnx.Initializer "av" = dense<[[-2.00, -0.25,  0.50], [ 1.75,  1.75, -0.75], [ 2.00, -1.25,  1.25], [-1.25, -0.50, -1.75]]> : tensor<4x3xf32>
  %bv = onnx.Initializer "bv" = dense<[[-2.00, -0.25,  0.50], [ 1.75,  1.75, -0.75], [ 2.00, -1.25,  1.25], [-1.25, -0.50, -1.75]]> : tensor<4x3xf32>
  %ag = qllm.linear %x, %av : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %as = onnx.Sigmoid(%ag) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %aa = onnx.Mul(%ag, %as) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %au = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %ay = onnx.Mul(%aa, %au) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %at = qllm.split_channels %ay parts [1, 2, 1, 2] : tensor<2x4xf32>
  %bg = qllm.linear %x, %bv : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %bs = onnx.Sigmoid(%bg) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %ba = onnx.Mul(%bg, %bs) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bu = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %by = onnx.Mul(%ba, %bu) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>
  %bt = qllm.split_channels %by parts [1, 2, 1, 2] : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x6xf32>, tensor<2x6xf32>
  return
}

// No function of single elements minds an order.
// CHECK-LABEL: func.func private @gelu_permute
// CHECK-COUNT-1: qllm.permute_channels %{{.*}} : tensor<2x4xf32>
// CHECK-NOT: qllm.permute_channels %{{.*}} : tensor<2x
func.func private @gelu_permute(%x: tensor<2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-1.00,  1.50,  1.50], [-2.00,  0.75, -2.00], [ 0.00, -0.25, -1.25], [-0.75,  1.25, -0.75]]> : tensor<4x3xf32>
  %b = onnx.Initializer "b" = dense<[ 1.50,  1.25, -1.50,  0.00]> : tensor<4xf32>
  %al = qllm.linear %x, %aw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %an = onnx.Add(%al, %b) : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %ay = onnx.Gelu(%an) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %at = qllm.permute_channels %ay order [2, 0, 3, 1] : tensor<2x4xf32>
  %bl = qllm.linear %x, %bw : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  %bn = onnx.Add(%bl, %b) : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %by = onnx.Gelu(%bn) : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %bt = qllm.permute_channels %by order [2, 0, 3, 1] : tensor<2x4xf32>
  check.expect_eq %by, %by : tensor<2x4xf32>, tensor<2x4xf32>
  check.expect_close %at, %bt : tensor<2x4xf32>, tensor<2x4xf32>
  return
}

// Two query heads share a value head, and are scaled alike.
// CHECK-LABEL: func.func private @attention_scale
// CHECK-COUNT-1: qllm.scale_channels %{{.*}} : tensor<1x2x4xf32>
// CHECK-NOT: qllm.scale_channels %{{.*}} : tensor<1x2x
func.func private @attention_scale(%x: tensor<1x2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %q = onnx.Initializer "q" = dense<[[[[ 1.50,  0.00],   [-0.25,  0.75]],  [[ 1.50, -0.75],   [ 1.25, -0.50]]]]> : tensor<1x2x2x2xf32>
  %k = onnx.Initializer "k" = dense<[[[[0.50, 1.00],   [0.00, 0.75]]]]> : tensor<1x1x2x2xf32>
  %sv = onnx.Initializer "sv" = dense<[1, 2, 1, 2]> : tensor<4xi64>
  %so = onnx.Initializer "so" = dense<[1, 2, 4]> : tensor<3xi64>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 2.0, -0.5]> : tensor<4xf32>
  %al = qllm.linear %x, %aw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %ah = onnx.Reshape(%al, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %av = onnx.Transpose(%ah) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %ao = onnx.Attention(%q, %k, %av) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ar = onnx.Transpose(%ao) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ay = onnx.Reshape(%ar, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %at = qllm.scale_channels %ay by %f : tensor<1x2x4xf32>, tensor<4xf32>
  %bl = qllm.linear %x, %bw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %bh = onnx.Reshape(%bl, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %bv = onnx.Transpose(%bh) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %bo = onnx.Attention(%q, %k, %bv) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %br = onnx.Transpose(%bo) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %by = onnx.Reshape(%br, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %bt = qllm.scale_channels %by by %f : tensor<1x2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  check.expect_close %at, %bt : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  return
}

// Probabilities of a row sum to one.
// CHECK-LABEL: func.func private @attention_shift
// CHECK-COUNT-1: qllm.shift_channels %{{.*}} : tensor<1x2x4xf32>
// CHECK-NOT: qllm.shift_channels %{{.*}} : tensor<1x2x
func.func private @attention_shift(%x: tensor<1x2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %q = onnx.Initializer "q" = dense<[[[[ 1.50,  0.00],   [-0.25,  0.75]],  [[ 1.50, -0.75],   [ 1.25, -0.50]]]]> : tensor<1x2x2x2xf32>
  %k = onnx.Initializer "k" = dense<[[[[0.50, 1.00],   [0.00, 0.75]]]]> : tensor<1x1x2x2xf32>
  %sv = onnx.Initializer "sv" = dense<[1, 2, 1, 2]> : tensor<4xi64>
  %so = onnx.Initializer "so" = dense<[1, 2, 4]> : tensor<3xi64>
  %f = onnx.Initializer "f" = dense<[2.0, -0.5, 2.0, -0.5]> : tensor<4xf32>
  %al = qllm.linear %x, %aw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %ah = onnx.Reshape(%al, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %av = onnx.Transpose(%ah) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %ao = onnx.Attention(%q, %k, %av) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ar = onnx.Transpose(%ao) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ay = onnx.Reshape(%ar, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %at = qllm.shift_channels %ay by %f : tensor<1x2x4xf32>, tensor<4xf32>
  %bl = qllm.linear %x, %bw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %bh = onnx.Reshape(%bl, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %bv = onnx.Transpose(%bh) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %bo = onnx.Attention(%q, %k, %bv) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %br = onnx.Transpose(%bo) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %by = onnx.Reshape(%br, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %bt = qllm.shift_channels %by by %f : tensor<1x2x4xf32>, tensor<4xf32>
  check.expect_eq %by, %by : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  check.expect_close %at, %bt : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  return
}

// Inside heads.
// CHECK-LABEL: func.func private @attention_rotate
// CHECK-COUNT-1: qllm.rotate_channels %{{.*}} : tensor<1x2x4xf32>
// CHECK-NOT: qllm.rotate_channels %{{.*}} : tensor<1x2x
func.func private @attention_rotate(%x: tensor<1x2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %q = onnx.Initializer "q" = dense<[[[[ 1.50,  0.00],   [-0.25,  0.75]],  [[ 1.50, -0.75],   [ 1.25, -0.50]]]]> : tensor<1x2x2x2xf32>
  %k = onnx.Initializer "k" = dense<[[[[0.50, 1.00],   [0.00, 0.75]]]]> : tensor<1x1x2x2xf32>
  %sv = onnx.Initializer "sv" = dense<[1, 2, 1, 2]> : tensor<4xi64>
  %so = onnx.Initializer "so" = dense<[1, 2, 4]> : tensor<3xi64>
  %al = qllm.linear %x, %aw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %ah = onnx.Reshape(%al, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %av = onnx.Transpose(%ah) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %ao = onnx.Attention(%q, %k, %av) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ar = onnx.Transpose(%ao) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ay = onnx.Reshape(%ar, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %at = qllm.rotate_channels %ay hadamard 2 : tensor<1x2x4xf32>
  %bl = qllm.linear %x, %bw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %bh = onnx.Reshape(%bl, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %bv = onnx.Transpose(%bh) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %bo = onnx.Attention(%q, %k, %bv) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %br = onnx.Transpose(%bo) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %by = onnx.Reshape(%br, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %bt = qllm.rotate_channels %by hadamard 2 : tensor<1x2x4xf32>
  check.expect_eq %by, %by : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  check.expect_close %at, %bt : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  return
}

// Both heads alike.
// CHECK-LABEL: func.func private @attention_permute
// CHECK-COUNT-1: qllm.permute_channels %{{.*}} : tensor<1x2x4xf32>
// CHECK-NOT: qllm.permute_channels %{{.*}} : tensor<1x2x
func.func private @attention_permute(%x: tensor<1x2x3xf32>) {
  %aw = onnx.Initializer "aw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %bw = onnx.Initializer "bw" = dense<[[-0.25, -1.75, -2.00], [-1.25, -0.75,  1.75]]> : tensor<2x3xf32>
  %q = onnx.Initializer "q" = dense<[[[[ 1.50,  0.00],   [-0.25,  0.75]],  [[ 1.50, -0.75],   [ 1.25, -0.50]]]]> : tensor<1x2x2x2xf32>
  %k = onnx.Initializer "k" = dense<[[[[0.50, 1.00],   [0.00, 0.75]]]]> : tensor<1x1x2x2xf32>
  %sv = onnx.Initializer "sv" = dense<[1, 2, 1, 2]> : tensor<4xi64>
  %so = onnx.Initializer "so" = dense<[1, 2, 4]> : tensor<3xi64>
  %al = qllm.linear %x, %aw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %ah = onnx.Reshape(%al, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %av = onnx.Transpose(%ah) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %ao = onnx.Attention(%q, %k, %av) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ar = onnx.Transpose(%ao) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %ay = onnx.Reshape(%ar, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %at = qllm.permute_channels %ay order [1, 0, 3, 2] : tensor<1x2x4xf32>
  %bl = qllm.linear %x, %bw : (tensor<1x2x3xf32>, tensor<2x3xf32>) -> tensor<1x2x2xf32>
  %bh = onnx.Reshape(%bl, %sv) : (tensor<1x2x2xf32>, tensor<4xi64>) -> tensor<1x2x1x2xf32>
  %bv = onnx.Transpose(%bh) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x1x2xf32>) -> tensor<1x1x2x2xf32>
  %bo = onnx.Attention(%q, %k, %bv) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x1x2x2xf32>, tensor<1x1x2x2xf32>) -> tensor<1x2x2x2xf32>
  %br = onnx.Transpose(%bo) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %by = onnx.Reshape(%br, %so) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  %bt = qllm.permute_channels %by order [1, 0, 3, 2] : tensor<1x2x4xf32>
  check.expect_eq %by, %by : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  check.expect_close %at, %bt : tensor<1x2x4xf32>, tensor<1x2x4xf32>
  return
}

// Inputs from outside: what is computed from constants alone is a weight.
func.func @main() {
  %norm_scale = onnx.Initializer "x" = dense<[[ 1.25,  1.25,  0.00, -0.75], [-1.75, -0.50, -0.25, -1.75]]> : tensor<2x4xf32>
  func.call @norm_scale(%norm_scale) : (tensor<2x4xf32>) -> ()
  %layer_norm_scale = onnx.Initializer "x" = dense<[[ 1.25,  1.25,  0.00, -0.75], [-1.75, -0.50, -0.25, -1.75]]> : tensor<2x4xf32>
  func.call @layer_norm_scale(%layer_norm_scale) : (tensor<2x4xf32>) -> ()
  %layer_norm_shift = onnx.Initializer "x" = dense<[[ 1.25,  1.25,  0.00, -0.75], [-1.75, -0.50, -0.25, -1.75]]> : tensor<2x4xf32>
  func.call @layer_norm_shift(%layer_norm_shift) : (tensor<2x4xf32>) -> ()
  %linear_scale = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_scale(%linear_scale) : (tensor<2x3xf32>) -> ()
  %linear_shift = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_shift(%linear_shift) : (tensor<2x3xf32>) -> ()
  %linear_permute = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_permute(%linear_permute) : (tensor<2x3xf32>) -> ()
  %linear_split = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_split(%linear_split) : (tensor<2x3xf32>) -> ()
  %linear_merge = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_merge(%linear_merge) : (tensor<2x3xf32>) -> ()
  %linear_rotate = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_rotate(%linear_rotate) : (tensor<2x3xf32>) -> ()
  %linear_shift_without_bias = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @linear_shift_without_bias(%linear_shift_without_bias) : (tensor<2x3xf32>) -> ()
  %sum_rotate = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @sum_rotate(%sum_rotate) : (tensor<2x3xf32>) -> ()
  %sum_shift = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @sum_shift(%sum_shift) : (tensor<2x3xf32>) -> ()
  %gated_scale = onnx.Initializer "x" = dense<[[-0.50,  1.25, -0.50], [ 0.75,  0.50,  1.75]]> : tensor<2x3xf32>
  func.call @gated_scale(%gated_scale) : (tensor<2x3xf32>) -> ()
  %gated_permute = onnx.Initializer "x" = dense<[[-0.50,  1.25, -0.50], [ 0.75,  0.50,  1.75]]> : tensor<2x3xf32>
  func.call @gated_permute(%gated_permute) : (tensor<2x3xf32>) -> ()
  %gated_split = onnx.Initializer "x" = dense<[[-0.50,  1.25, -0.50], [ 0.75,  0.50,  1.75]]> : tensor<2x3xf32>
  func.call @gated_split(%gated_split) : (tensor<2x3xf32>) -> ()
  %gelu_permute = onnx.Initializer "x" = dense<[[ 0.25, -1.00,  1.50], [-1.75,  0.75,  1.50]]> : tensor<2x3xf32>
  func.call @gelu_permute(%gelu_permute) : (tensor<2x3xf32>) -> ()
  %attention_scale = onnx.Initializer "x" = dense<[[[-1.00,  0.00,  0.25],  [-1.50,  1.50, -1.00]]]> : tensor<1x2x3xf32>
  func.call @attention_scale(%attention_scale) : (tensor<1x2x3xf32>) -> ()
  %attention_shift = onnx.Initializer "x" = dense<[[[-1.00,  0.00,  0.25],  [-1.50,  1.50, -1.00]]]> : tensor<1x2x3xf32>
  func.call @attention_shift(%attention_shift) : (tensor<1x2x3xf32>) -> ()
  %attention_rotate = onnx.Initializer "x" = dense<[[[-1.00,  0.00,  0.25],  [-1.50,  1.50, -1.00]]]> : tensor<1x2x3xf32>
  func.call @attention_rotate(%attention_rotate) : (tensor<1x2x3xf32>) -> ()
  %attention_permute = onnx.Initializer "x" = dense<[[[-1.00,  0.00,  0.25],  [-1.50,  1.50, -1.00]]]> : tensor<1x2x3xf32>
  func.call @attention_permute(%attention_permute) : (tensor<1x2x3xf32>) -> ()
  return
}
