// NVIDIA's assembler accepts kernels that quantize to 4-bit floats, and those that find the scale of a tensor: no spills, also where a thread
// has 64 elements.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_100a,sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// CHECK-DAG: sm_100a quantize_nvfp4_rms_k4096 {{.*}}spilled=0
// CHECK-DAG: sm_120a quantize_nvfp4_rms_k4096 {{.*}}spilled=0
// CHECK-DAG: sm_100a quantize_mxfp4_silu_k11008 {{.*}}spilled=0
// CHECK-DAG: sm_120a quantize_mxfp4_silu_k11008 {{.*}}spilled=0
// CHECK-DAG: sm_120a quantize_nvfp4_k32768 {{.*}}spilled=0
// CHECK-DAG: sm_120a quantize_nvfp4_silu_k28672 {{.*}}spilled=0
// CHECK-DAG: sm_100a tensor_scale_rms_k4096 {{.*}}spilled=0
// CHECK-DAG: sm_120a tensor_scale_rms_k4096 {{.*}}spilled=0
// CHECK-DAG: sm_120a tensor_scale_k32768 {{.*}}spilled=0

func.func @rms(%x: tensor<?x4096xf16>, %r: tensor<?x4096xf16>, %w: tensor<4096xf16>, %a: tensor<1xi32>)
    -> (tensor<?x4096xf4E2M1FN>, tensor<?x64x512xf8E4M3FN>, tensor<1xf32>) {
  %t, %m, %f, %stream = qk.tensor_scale %x residual(%r) norm rms(%w) epsilon 1.0e-5 arrivals(%a)
      : (tensor<?x4096xf16>, tensor<?x4096xf16>, tensor<4096xf16>, tensor<1xi32>)
     -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32> stream tensor<?x4096xf16>
  %codes, %scales = qk.quantize_blocks %stream norm rms(%w) epsilon 1.0e-5 tensor_scale(%t)
      : (tensor<?x4096xf16>, tensor<4096xf16>, tensor<1xf32>) -> tensor<?x4096xf4E2M1FN>, tensor<?x64x512xf8E4M3FN>
  return %codes, %scales, %t : tensor<?x4096xf4E2M1FN>, tensor<?x64x512xf8E4M3FN>, tensor<1xf32>
}

func.func @gate(%x: tensor<?x11008xf16>, %g: tensor<?x11008xf16>) -> (tensor<?x11008xf4E2M1FN>, tensor<?x86x512xf8E8M0FNU>) {
  %codes, %scales = qk.quantize_blocks %x gate(%g) hadamard 256
      : (tensor<?x11008xf16>, tensor<?x11008xf16>) -> tensor<?x11008xf4E2M1FN>, tensor<?x86x512xf8E8M0FNU>
  return %codes, %scales : tensor<?x11008xf4E2M1FN>, tensor<?x86x512xf8E8M0FNU>
}

func.func @long(%x: tensor<?x32768xf32>, %a: tensor<1xi32>) -> (tensor<?x32768xf4E2M1FN>, tensor<?x512x512xf8E4M3FN>) {
  %t, %m, %f = qk.tensor_scale %x arrivals(%a) : (tensor<?x32768xf32>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  %codes, %scales = qk.quantize_blocks %x tensor_scale(%t)
      : (tensor<?x32768xf32>, tensor<1xf32>) -> tensor<?x32768xf4E2M1FN>, tensor<?x512x512xf8E4M3FN>
  return %codes, %scales : tensor<?x32768xf4E2M1FN>, tensor<?x512x512xf8E4M3FN>
}

func.func @long_gate(%x: tensor<?x28672xf16>, %g: tensor<?x28672xf16>, %t: tensor<1xf32>) {
  %0:2 = qk.quantize_blocks %x gate(%g) tensor_scale(%t)
      : (tensor<?x28672xf16>, tensor<?x28672xf16>, tensor<1xf32>) -> tensor<?x28672xf4E2M1FN>, tensor<?x448x512xf8E4M3FN>
  return
}
