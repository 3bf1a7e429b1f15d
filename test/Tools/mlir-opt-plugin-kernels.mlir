// The distribution's own mlir-opt makes kernels of quantized products, for several targets in one module.
// RUN: mlir-opt %s --load-dialect-plugin=%qllm_plugin --load-pass-plugin=%qllm_plugin --pass-pipeline='builtin.module( \
// RUN:   convert-qllm-to-kernel{targets=sm_80,sm_90a rows=1,64}, fold-kernel-weights, canonicalize, \
// RUN:   qllm-lower-to-nvvm{targets=sm_80,sm_90a format=ptx})' | FileCheck %s

// CHECK-LABEL: func.func @linear
// CHECK: "codes_shuffled" = {{.*}}qk.layout = #qk.layout<
// CHECK: qk.launch "quantize_int8_k256"
// CHECK: qk.launch "linear_int8_int4_n64_k256{{.*}}up_to [#qk.specialization<max_rows = 1
// CHECK: gpu.binary @sm_80
// CHECK-SAME: .target sm_80
// CHECK: gpu.binary @sm_90a
// CHECK-SAME: .target sm_90a
!rows = !qllm.quantized<?x256, #qllm.int<8>, group<1, 256>>
!weight = !qllm.quantized<64x256, #qllm.int<4>, group<1, 256>>
func.func @linear(%x: tensor<?x256xf32>) -> tensor<?x64xf32> {
  %codes = onnx.Initializer "codes" = dense<3> : tensor<64x256xi4>
  %scales = onnx.Initializer "scales" = dense<0.5> : tensor<64x1xf32>
  %w = qllm.pack %codes, %scales : (tensor<64x256xi4>, tensor<64x1xf32>) -> !weight
  %q = qllm.quantize %x : tensor<?x256xf32> -> !rows
  %0 = qllm.linear %q, %w : (!rows, !weight) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
