// Channel transforms in front of a quantizer are a table of its kernel; rows are filled up to what kernels read.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16" -canonicalize | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 fuse=false" -canonicalize | FileCheck %s --check-prefix=APART
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16" -fold-kernel-weights -canonicalize | FileCheck %s --check-prefix=FOLDED

!input = !qllm.quantized<?x35, #qllm.int<4, asymmetric>, per_token>
!weight = !qllm.quantized<64x35, #qllm.int<4, asymmetric>, per_channel<0>>

// A shift, a scale and a split behind a norm: sources, factors and offsets. 35 channels become 64 by the last one, which
// changes no range, beside codes of the weight that stand for zero.

// CHECK-LABEL: func.func @split
// CHECK: qk.pad_weight {{.*}} : tensor<64x35xui4> -> tensor<64x64xui4>
// CHECK: qk.quantize %arg0 norm rms(%arg1) epsilon {{.*}} gather(%{{.*}}) multiply(%{{.*}}) add(%{{.*}}) format(<4, asymmetric>) rounding_offsets(%{{.*}}) : {{.*}} tensor<64xi32>, tensor<64xf32>, tensor<64xf32>, tensor<64xf32>) -> tensor<?x64xui4>
// CHECK: qk.linear
// CHECK-NOT: qllm.

// APART-LABEL: func.func @split
// APART: qllm.split_channels %{{.*}} parts [1, 1, {{.*}}, 30] repeat : tensor<?x35xf32>
// APART: qllm.quantize

// FOLDED-LABEL: func.func @split
// FOLDED: onnx.Initializer "c_padded" {{.*}} : tensor<64x64xui4>
// FOLDED-NOT: qk.pad_weight
func.func @split(%x: tensor<?x32xf32>, %g: tensor<32xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x35xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %z = onnx.Initializer "z" = dense<7> : tensor<64xui8>
  %p = qllm.pack %c, %s, %z : (tensor<64x35xui4>, tensor<64xf32>, tensor<64xui8>) -> !weight
  %d = onnx.Initializer "d" = dense<0.25> : tensor<32xf32>
  %f = onnx.Initializer "f" = dense<2.0> : tensor<32xf32>
  %o = onnx.Initializer "o" = dense<0.25> : tensor<35xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32} : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
  %0 = qllm.shift_channels %n by %d inverse : tensor<?x32xf32>, tensor<32xf32>
  %1 = qllm.scale_channels %0 by %f inverse : tensor<?x32xf32>, tensor<32xf32>
  %2 = qllm.split_channels %1 parts [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 3] : tensor<?x32xf32>
  %q = qllm.quantize %2 rounding_offsets(%o : tensor<35xf32>) : tensor<?x35xf32> -> !input
  %y = qllm.linear %q, %p : (!input, !weight) -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// -----

!input = !qllm.quantized<?x64, #qllm.int<8>, per_token>
!weight = !qllm.quantized<64x64, #qllm.int<8>, per_channel<0>>

// The kernel rotates last: what is in front of it joins the table, and a rotation in front of a permutation does not.

// CHECK-LABEL: func.func @rotate
// CHECK: qk.quantize %arg0 gather(%{{.*}}) hadamard 16 format(<8>)
// CHECK: %[[X:.*]] = qllm.rotate_channels
// CHECK: qk.quantize %[[X]] gather(%{{[^)]*}}) format(<8>)
func.func @rotate(%x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x64xi8>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %p = qllm.pack %c, %s : (tensor<64x64xi8>, tensor<64xf32>) -> !weight
  %0 = qllm.merge_channels %x targets [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 62] sum : tensor<?x64xf32>
  %1 = qllm.split_channels %0 parts [2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1] repeat : tensor<?x63xf32>
  %2 = qllm.rotate_channels %1 hadamard 16 : tensor<?x64xf32>
  %q = qllm.quantize %2 : tensor<?x64xf32> -> !input
  %y = qllm.linear %q, %p : (!input, !weight) -> tensor<?x64xf32>
  %3 = qllm.rotate_channels %x hadamard 16 : tensor<?x64xf32>
  %4 = qllm.permute_channels %3 order [1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63] : tensor<?x64xf32>
  %r = qllm.quantize %4 : tensor<?x64xf32> -> !input
  %w = qllm.linear %r, %p : (!input, !weight) -> tensor<?x64xf32>
  return %y, %w : tensor<?x64xf32>, tensor<?x64xf32>
}
