// RUN: qllm-opt --qllm-quantize-weights --split-input-file %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-weights --split-input-file --mlir-disable-threading %s | FileCheck %s

// Codes lie two to a byte, the first in the low half: 7, -7 is 0x97 and 1, 0 is 0x01. The blob starts with its alignment, 0x40.
// CHECK-LABEL: func.func @symmetric
func.func @symmetric(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK: %[[C:.*]] = onnx.Initializer "w_codes" = dense_resource<w_codes> : tensor<2x4xi4>
  // CHECK: %[[S:.*]] = onnx.Initializer "w_scales" = dense_resource<w_scales> : tensor<2xf32>
  // CHECK: %[[W:.*]] = qllm.pack %[[C]], %[[S]]
  // CHECK-NOT: onnx.Initializer "w" =
  // CHECK: qllm.linear %{{.*}}, %[[W]] :
  // CHECK-DAG: w_codes: "0x4000000097017020"
  // CHECK-DAG: w_scales: "0x400000000000803F0000003F"
  %w = onnx.Initializer "w" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0.0, 1.0]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// The same weight stored as [in, out] gives the same codes: the transpose is read through and leaves.
// CHECK-LABEL: func.func @transposed
func.func @transposed(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK-NOT: onnx.Transpose
  // CHECK: qllm.linear
  // CHECK: w_codes: "0x4000000097017020"
  %w = onnx.Initializer "w" = dense<[[7.0, 0.0], [-7.0, 3.5], [1.0, 0.0], [0.0, 1.0]]> : tensor<4x2xf32>
  %t = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<4x2xf32>) -> tensor<2x4xf32>
  %y = qllm.linear %x, %t {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// Zero points may leave the codes when the range does not contain zero: 30..45 in steps of 1 has zero point -30.
// CHECK-LABEL: func.func @asymmetric
func.func @asymmetric(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  // CHECK: onnx.Initializer "w_zero_points" = dense_resource<w_zero_points> : tensor<1xi32>
  // CHECK-DAG: w_codes: "0x4000000050FA"
  // CHECK-DAG: w_zero_points: "0x04000000E2FFFFFF"
  %w = onnx.Initializer "w" = dense<[[30.0, 35.0, 40.0, 45.0]]> : tensor<1x4xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<1x4, #qllm.int<4, asymmetric>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
  onnx.Return %y : tensor<?x1xf32>
}

// -----

// A tied table is quantized once and stays one.
// CHECK-LABEL: func.func @tied
func.func @tied(%ids: tensor<?xi64>) -> tensor<?x2xf32> {
  // CHECK: %[[W:.*]] = qllm.pack
  // CHECK-NOT: qllm.pack
  // CHECK: %[[E:.*]] = qllm.embedding %{{.*}}, %[[W]]
  // CHECK: qllm.linear %[[E]], %[[W]]
  %w = onnx.Initializer "table" = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %e = qllm.embedding %ids, %w {qllm.plan = {weight = !qllm.quantized<2x2, #qllm.int<8>, per_channel<0>>}} : (tensor<?xi64>, tensor<2x2xf32>) -> tensor<?x2xf32>
  %y = qllm.linear %e, %w {qllm.plan = {weight = !qllm.quantized<2x2, #qllm.int<8>, per_channel<0>>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// One scale for the whole tensor: 127 of the second row sets that of the first.
// CHECK-LABEL: func.func @per_tensor
func.func @per_tensor(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: onnx.Initializer "w_scales" = dense_resource<w_scales> : tensor<f32>
  // CHECK: w_codes: "0x400000000102037F"
  %w = onnx.Initializer "w" = dense<[[1.0, 2.0], [3.0, 127.0]]> : tensor<2x2xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x2, #qllm.int<8>, per_tensor>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}

// -----

// Groups down a column: every input channel has its scales. The columns are 7, 1 | 0, 0.5 and -14, 2 | 4, 0 with scales 1 and 2, then
// 0.5/7 and 4/7; the codes 7, -7, 1, 1, 0, 7, 7, 0 row by row.
// CHECK-LABEL: func.func @groups_of_a_column
func.func @groups_of_a_column(%x: tensor<?x2xf32>) -> tensor<?x4xf32> {
  // CHECK: qllm.pack {{.*}} -> !qllm.quantized<4x2, #qllm.int<4>, group<0, 2>>
  // CHECK-DAG: w_codes: "0x4000000097117007"
  // CHECK-DAG: w_scales: "0x400000000000803F00000040{{.*}}"
  %w = onnx.Initializer "w" = dense<[[7.0, -14.0], [1.0, 2.0], [0.0, 4.0], [0.5, 0.0]]> : tensor<4x2xf32>
  %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<4x2, #qllm.int<4>, group<0, 2>>}} : (tensor<?x2xf32>, tensor<4x2xf32>) -> tensor<?x4xf32>
  onnx.Return %y : tensor<?x4xf32>
}
