// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 fuse=false" | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80,sm_86 rows=4096 fuse=false" | FileCheck %s --check-prefix=BOTH
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 schedule=#qk.schedule<tile=[64,64,128],warps=[2,2],stages=2> fuse=false" | FileCheck %s --check-prefix=FORCED

// Two products read one input: it is quantized and summed once. All dimensions but the last are rows.

// CHECK-LABEL: func.func @shared
// CHECK-DAG: %[[Z:.*]] = onnx.Initializer "z"
// CHECK-DAG: %[[S:.*]] = onnx.Initializer "s"
// CHECK-DAG: %[[C:.*]] = onnx.Initializer "c"
// CHECK-DAG: %[[SUMS:.*]] = qk.code_sums %[[C]] : tensor<64x128xui4> -> tensor<64xi32>
// CHECK-DAG: %[[W:.*]] = qk.shuffle_weight %[[C]] layout(<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<64x128xui4> -> tensor<4x2x512xi8>
// CHECK: %[[ROWS:.*]] = onnx.Reshape(%arg0, %{{.*}}) : (tensor<?x?x128xf32>, tensor<2xi64>) -> tensor<?x128xf32>
// CHECK: %[[Q:.*]] = qllm.quantize %[[ROWS]] clip 0.{{.*}} : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8, asymmetric>, per_token>
// CHECK: %[[PARTS:.*]]:3 = qllm.unpack %[[Q]]
// CHECK: %[[XSUMS:.*]] = qk.code_sums %[[PARTS]]#0
// CHECK-NOT: qllm.unpack
// CHECK-NOT: qllm.quantize
// CHECK: %[[Y:.*]] = qk.linear %[[PARTS]]#0, %[[W]] scales(%[[PARTS]]#1, %[[S]]) zero_points(%[[PARTS]]#2, %[[SUMS]]) weight_zero_points(%[[Z]], %[[XSUMS]])
// CHECK-SAME: schedule(#qk.schedule<tile = [16, 64,
// CHECK: %[[LEADING:.*]] = onnx.Shape(%arg0) {end = 2 : i64, start = 0 : i64}
// CHECK: %[[SHAPE:.*]] = onnx.Concat(%[[LEADING]],
// CHECK: onnx.Reshape(%[[Y]], %[[SHAPE]]) : (tensor<?x64xf32>, tensor<3xi64>) -> tensor<?x?x64xf32>
// CHECK: qk.linear %[[PARTS]]#0, %[[W]]
// CHECK-NOT: qllm.linear
// CHECK-NOT: qllm.pack

// BOTH-LABEL: func.func @shared
// BOTH: schedule({sm_80 = #qk.schedule<{{.*}}>, sm_86 = #qk.schedule<{{.*}}>})

// FORCED-LABEL: func.func @shared
// FORCED: schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 2>)
func.func @shared(%x: tensor<?x?x128xf32>) -> (tensor<?x?x64xf32>, tensor<?x?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %z = onnx.Initializer "z" = dense<8> : tensor<64xui8>
  %w = qllm.pack %c, %s, %z : (tensor<64x128xui4>, tensor<64xf32>, tensor<64xui8>)
      -> !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>
  %q = qllm.quantize %x clip 0.9 : tensor<?x?x128xf32> -> !qllm.quantized<?x?x128, #qllm.int<8, asymmetric>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x?x128, #qllm.int<8, asymmetric>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>) -> tensor<?x?x64xf32>
  %1 = qllm.linear %q, %w bias(%s) : (!qllm.quantized<?x?x128, #qllm.int<8, asymmetric>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>, tensor<64xf32>) -> tensor<?x?x64xf32>
  return %0, %1 : tensor<?x?x64xf32>, tensor<?x?x64xf32>
}

// -----

// Groups: scales lie along the groups, and the sums of weights are scaled.

// CHECK-LABEL: func.func @groups
// CHECK: %[[S:.*]] = onnx.Transpose(%{{.*}}) {perm = array<i64: 1, 0>} : (tensor<64x2xf32>) -> tensor<2x64xf32>
// CHECK: %[[SUMS:.*]] = qk.code_sums %{{.*}} scales(%[[S]] : tensor<2x64xf32>) : tensor<64x256xi4> -> tensor<64xf32>
// CHECK: qk.linear %{{.*}}, %{{.*}} scales(%{{.*}}, %[[S]]) zero_points(%{{.*}}, %[[SUMS]]) formats(<4, asymmetric>, <4>)
// CHECK-NOT: onnx.Reshape
func.func @groups(%x: tensor<?x256xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x256xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x2xf32>
  %w = qllm.pack %c, %s : (tensor<64x256xi4>, tensor<64x2xf32>) -> !qllm.quantized<64x256, #qllm.int<4>, group<1, 128>>
  %q = qllm.quantize %x : tensor<?x256xf32> -> !qllm.quantized<?x256, #qllm.int<4, asymmetric>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x256, #qllm.int<4, asymmetric>, per_token>,
      !qllm.quantized<64x256, #qllm.int<4>, group<1, 128>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Zero points of outputs that are stored in fewer bits than a kernel loads become whole bytes.

// CHECK-LABEL: func.func @narrow_zero_points
// CHECK-DAG: %[[SIGNED:.*]] = onnx.Cast(%{{.*}}) {to = 3 : i64} : (tensor<64xi4>) -> tensor<64xi8>
// CHECK-DAG: %[[UNSIGNED:.*]] = onnx.Cast(%{{.*}}) {to = 2 : i64} : (tensor<64xui4>) -> tensor<64xui8>
// CHECK: qk.linear %{{.*}} weight_zero_points(%[[SIGNED]], %{{.*}})
// CHECK: qk.linear %{{.*}} weight_zero_points(%[[UNSIGNED]], %{{.*}})
func.func @narrow_zero_points(%x: tensor<?x128xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %z = onnx.Initializer "z" = dense<-3> : tensor<64xi4>
  %u = onnx.Initializer "u" = dense<9> : tensor<64xui4>
  %w = qllm.pack %c, %s, %z : (tensor<64x128xui4>, tensor<64xf32>, tensor<64xi4>)
      -> !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>
  %v = qllm.pack %c, %s, %u : (tensor<64x128xui4>, tensor<64xf32>, tensor<64xui4>)
      -> !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.int<8>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.linear %q, %v : (!qllm.quantized<?x128, #qllm.int<8>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4, asymmetric>, per_channel<0>>) -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// Zero points of groups lie along the groups as scales do. The kernel sums inputs itself.

// CHECK-LABEL: func.func @zero_points_of_groups
// CHECK-DAG: %[[S:.*]] = onnx.Transpose(%{{.*}}) {perm = array<i64: 1, 0>} : (tensor<64x2xf32>) -> tensor<2x64xf32>
// CHECK: %[[Z8:.*]] = onnx.Transpose(%{{.*}}) {perm = array<i64: 1, 0>} : (tensor<64x2xui8>) -> tensor<2x64xui8>
// CHECK: %[[Z:.*]] = onnx.Cast(%[[Z8]]) {to = 21 : i64} : (tensor<2x64xui8>) -> tensor<2x64xui4>
// CHECK-NOT: qk.code_sums
// CHECK: qk.linear %{{.*}}, %{{.*}} scales(%{{.*}}, %[[S]]) weight_zero_points(%[[Z]]) formats(<8>, <4, asymmetric>)
func.func @zero_points_of_groups(%x: tensor<?x256xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x256xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x2xf32>
  %z = onnx.Initializer "z" = dense<8> : tensor<64x2xui8>
  %w = qllm.pack %c, %s, %z : (tensor<64x256xui4>, tensor<64x2xf32>, tensor<64x2xui8>)
      -> !qllm.quantized<64x256, #qllm.int<4, asymmetric>, group<1, 128>>
  %q = qllm.quantize %x : tensor<?x256xf32> -> !qllm.quantized<?x256, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x256, #qllm.int<8>, per_token>,
      !qllm.quantized<64x256, #qllm.int<4, asymmetric>, group<1, 128>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
