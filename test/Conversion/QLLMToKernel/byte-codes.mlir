// How four-bit codes of inputs lie in memory: what all products of a tensor read, on all targets.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a" | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a fuse=false" | FileCheck %s --check-prefix=APART
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a rows=1 explain" 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80,sm_90a explain" 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a explain" -o /dev/null 2>&1 | FileCheck %s --check-prefix=SAID
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 explain" 2>&1 | FileCheck %s --check-prefix=NATIVE
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a explain schedule=#qk.schedule<tile=[64,64,128],warps=[2,2],stages=2>" 2>&1 | FileCheck %s --check-prefix=FORCED
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a explain schedule=#qk.schedule<tile=[128,128,128],warps=[1,8],stages=4,producers=1>" 2>&1 | FileCheck %s --check-prefix=PRODUCER

#x4 = #qllm.int<4, asymmetric>
#w4 = #qllm.int<4>

// Both products are multiplied by warpgroups, for many tokens; the quantizer writes bytes, with the sums of a row's codes where a
// weight has zero points.

// CHECK-LABEL: func.func @two_products
// CHECK: %[[X:.*]], %{{.*}}, %{{.*}} = qk.quantize {{.*}} tensor<?x1024xui8>
// CHECK: qk.linear %[[X]], {{.*}} formats(<4, asymmetric>, <4>)
// CHECK-SAME: producers = 1
// CHECK: qk.linear %[[X]], {{.*}} formats(<4, asymmetric>, <4>)
// CHECK-SAME: producers = 1

// APART-LABEL: func.func @two_products
// APART: %[[PARTS:.*]]:3 = qllm.unpack
// APART: %[[X:.*]] = onnx.Cast(%[[PARTS]]#0) {to = 2 : i64} : (tensor<?x1024xui4>) -> tensor<?x1024xui8>
// APART-COUNT-2: qk.linear %[[X]]

// One token costs what its weights do, so codes stay two to a byte.
// ONE: kernel: codes of the input two to a byte; one instead of two takes 1.{{[0-9]+}} of the cycles on sm_90a; sm_90a: 16x64x
// ONE-SAME: no producer: expected inputs of one code to a byte with producers, but got uint4, two to a byte
// BOTH: kernel: codes of the input two to a byte, as sm_80 multiplies them; sm_80:
// SAID: kernel: codes of the input one to a byte; one instead of two takes 0.{{[0-9]+}} of the cycles on sm_90a; sm_90a: 256x128x128 on 1x8 warps, 4 stages, a producer in clusters of 2:
// NATIVE: kernel: sm_80: 
// FORCED: kernel: forced
// PRODUCER: kernel: codes of the input one to a byte, as two to a byte is refused: expected inputs of one code to a byte with producers, but got uint4, two to a byte; forced

// ONE-LABEL: func.func @two_products
// ONE: qk.quantize {{.*}} tensor<?x1024xui4>
// BOTH-LABEL: func.func @two_products
// BOTH: qk.quantize {{.*}} tensor<?x1024xui4>
// FORCED-LABEL: func.func @two_products
// FORCED: qk.quantize {{.*}} tensor<?x1024xui4>
// PRODUCER-LABEL: func.func @two_products
// PRODUCER: qk.quantize {{.*}} tensor<?x1024xui8>
func.func @two_products(%x: tensor<?x1024xf32>, %c: tensor<2048x1024xi4>, %s: tensor<2048xf32>, %g: tensor<2048x8xf32>)
    -> (tensor<?x2048xf32>, tensor<?x2048xf32>) {
  %w = qllm.pack %c, %s : (tensor<2048x1024xi4>, tensor<2048xf32>) -> !qllm.quantized<2048x1024, #w4, per_channel<0>>
  %v = qllm.pack %c, %g : (tensor<2048x1024xi4>, tensor<2048x8xf32>) -> !qllm.quantized<2048x1024, #w4, group<1, 128>>
  %q = qllm.quantize %x : tensor<?x1024xf32> -> !qllm.quantized<?x1024, #x4, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x1024, #x4, per_token>, !qllm.quantized<2048x1024, #w4, per_channel<0>>) -> tensor<?x2048xf32>
  %1 = qllm.linear %q, %v : (!qllm.quantized<?x1024, #x4, per_token>, !qllm.quantized<2048x1024, #w4, group<1, 128>>) -> tensor<?x2048xf32>
  return %0, %1 : tensor<?x2048xf32>, tensor<?x2048xf32>
}

// -----

// Weights of more bits than inputs have kernels beside bytes only, on any target.

// NATIVE: kernel: codes of the input one to a byte, as two to a byte is refused: sm_80: expected weights that take no more bits than inputs, but got int8 beside int4; sm_80:
// NATIVE-LABEL: func.func @wider_weight
// NATIVE: qk.quantize {{.*}} tensor<?x128xi8>
func.func @wider_weight(%x: tensor<?x128xf32>, %c: tensor<64x128xi8>, %s: tensor<64xf32>) -> tensor<?x64xf32> {
  %w = qllm.pack %c, %s : (tensor<64x128xi8>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<8>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<4>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.int<4>, per_token>, !qllm.quantized<64x128, #qllm.int<8>, per_channel<0>>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
