// A module of which nothing is left but compiled kernels, as bytecode, still has its weights.
// RUN: qllm-opt %s -convert-qllm-to-kernel="targets=sm_80 rows=16" -fold-kernel-weights -canonicalize -cse \
// RUN:   -qllm-lower-to-nvvm="targets=sm_80 format=ptx" -emit-bytecode -o %t.mlirbc
// RUN: qllm-opt %t.mlirbc | FileCheck %s --check-prefix=STORED
// RUN: qllm-opt %t.mlirbc -unfold-kernel-weights | FileCheck %s

// STORED: onnx.Initializer "c_shuffled" = {{.*}} : tensor<4x2x512xi8> {qk.layout = #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>, qk.row_major = tensor<64x128xi4>}
// STORED: qk.launch
// STORED: gpu.binary

// CHECK: %[[C:.*]] = onnx.Initializer "c" = dense_resource<c> : tensor<64x128xi4>
// CHECK: %[[W:.*]] = qk.shuffle_weight %[[C]] {{.*}} : tensor<64x128xi4> -> tensor<4x2x512xi8>
// CHECK: qk.launch "linear_{{.*}}%[[W]],
// Code -3 is the half byte D.
// CHECK: c: "0x40000000{{D+}}"
func.func @main(%x: tensor<16x128xf32>) -> tensor<16x64xf32> {
  %c = onnx.Initializer "c" = dense<-3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %q = qllm.quantize %x : tensor<16x128xf32> -> !qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>
  %y = qllm.linear %q, %w : (!qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<16x64xf32>
  return %y : tensor<16x64xf32>
}
