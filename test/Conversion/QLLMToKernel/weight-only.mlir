// Products of floats and packed weights: inputs are rounded to 16 bits, weights get the order of fragments.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=64" -canonicalize | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=1 float-type=bf16" -canonicalize | FileCheck %s --check-prefix=TOKEN

// Scales and zero points of groups have the groups first; zero points are bytes. The result keeps its type.

// CHECK-LABEL: func.func @groups
// CHECK-DAG: %[[Z:.*]] = onnx.Initializer "z_bytes" = {{.*}} : tensor<2x64xi8>
// CHECK-DAG: %[[W:.*]] = qk.shuffle_weight %{{.*}} layout(<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>) : tensor<64x128xui4> -> tensor<4x2x512xi8>
// CHECK-DAG: %[[S:.*]] = onnx.Transpose({{.*}} -> tensor<2x64xf32>
// CHECK-DAG: %[[R:.*]] = onnx.Reshape(%arg0, {{.*}} -> tensor<?x128xf32>
// CHECK: %[[X:.*]] = onnx.Cast(%[[R]]) {to = 10 : i64} : (tensor<?x128xf32>) -> tensor<?x128xf16>
// CHECK: %[[Y:.*]] = qk.weight_only_linear %[[X]], %[[W]] scales(%[[S]]) zero_points(%[[Z]]) format(<4, asymmetric>) schedule(#qk.schedule<tile = [{{16|32|64}}, {{.*}} -> tensor<?x64xf32>
// CHECK: onnx.Reshape(%[[Y]]

// A few tokens have tiles of 8 rows.

// TOKEN-LABEL: func.func @groups
// TOKEN: onnx.Cast({{.*}}) {to = 16 : i64} : (tensor<?x128xf32>) -> tensor<?x128xbf16>
// TOKEN: qk.weight_only_linear {{.*}} schedule(#qk.schedule<tile = [8, {{.*}} stages = 1>)
func.func @groups(%x: tensor<?x?x128xf32>) -> tensor<?x?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x2xf32>
  %z = onnx.Initializer "z" = dense<7> : tensor<64x2xui8>
  %w = qllm.pack %c, %s, %z : (tensor<64x128xui4>, tensor<64x2xf32>, tensor<64x2xui8>) -> !qllm.quantized<64x128, #qllm.int<4, asymmetric>, group<1, 64>>
  %0 = qllm.linear %x, %w : (tensor<?x?x128xf32>, !qllm.quantized<64x128, #qllm.int<4, asymmetric>, group<1, 64>>) -> tensor<?x?x64xf32>
  return %0 : tensor<?x?x64xf32>
}

// -----

// Zero points beyond 127 are unsigned bytes, which bf16 has no room for.

// CHECK-LABEL: func.func @wide_zero_points
// CHECK-DAG: %[[Z:.*]] = onnx.Initializer "z_bytes" = {{.*}} : tensor<64xui8>
// CHECK: qk.weight_only_linear %{{.*}} zero_points(%[[Z]]) format(<8, asymmetric>)
// TOKEN-LABEL: func.func @wide_zero_points
// TOKEN: qllm.linear
func.func @wide_zero_points(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xui8>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %z = onnx.Initializer "z" = dense<200> : tensor<64xui8>
  %w = qllm.pack %c, %s, %z : (tensor<64x128xui8>, tensor<64xf32>, tensor<64xui8>) -> !qllm.quantized<64x128, #qllm.int<8, asymmetric>, per_channel<0>>
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, !qllm.quantized<64x128, #qllm.int<8, asymmetric>, per_channel<0>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Eight bits, one to a byte; floats of 16 bits are read as they are.

// CHECK-LABEL: func.func @bytes
// CHECK: %[[W:.*]] = qk.shuffle_weight %{{.*}} : tensor<64x128xi8> -> tensor<4x4x512xi8>
// CHECK-NOT: onnx.Cast
// CHECK: qk.weight_only_linear %arg0, %[[W]] scales(%{{.*}}) bias(%arg1) format(<8>)
func.func @bytes(%x: tensor<?x128xf16>, %b: tensor<64xf32>) -> tensor<?x64xf16> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi8>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi8>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<8>, per_channel<0>>
  %0 = qllm.linear %x, %w bias(%b) : (tensor<?x128xf16>, !qllm.quantized<64x128, #qllm.int<8>, per_channel<0>>, tensor<64xf32>) -> tensor<?x64xf16>
  return %0 : tensor<?x64xf16>
}
