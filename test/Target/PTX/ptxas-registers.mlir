// Kernels that spilled registers: a branch and its values of all columns beside the sums of a large tile, and long rows.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_100a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// CHECK-DAG: sm_80 linear_uint8_uint8_n1016_k1024 {{.*}}spilled=0
// CHECK-DAG: sm_100a linear_uint8_uint8_n1016_k1024 {{.*}}spilled=0
// CHECK-DAG: sm_80 quantize_int8_rms_k20480 {{.*}}spilled=0
// CHECK-DAG: sm_100a quantize_int8_rms_k20480 {{.*}}spilled=0
// CHECK-DAG: sm_80 quantize_uint4_k32768_g128 {{.*}}spilled=0
// CHECK-DAG: sm_100a quantize_uint4_k32768_g128 {{.*}}spilled=0
// CHECK-DAG: sm_80 quantize_uint4_silu_k28672_g128 {{.*}}spilled=0
// CHECK-DAG: sm_100a quantize_uint4_silu_k28672_g128 {{.*}}spilled=0

func.func @linear(%x: tensor<?x1024xui8>, %w: tensor<1016x1024xui8>, %sx: tensor<?xf32>, %sw: tensor<1016xf32>, %zx: tensor<?xui8>, %sums: tensor<1016xi32>, %zw: tensor<1016xui8>, %xsums: tensor<?xi32>, %b: tensor<1016xf32>, %z: tensor<?x96xi8>, %sz: tensor<?xf32>, %up: tensor<1016x96xi8>, %su: tensor<1016xf32>, %gate: tensor<?x1016xf16>, %residual: tensor<?x1016xf16>) -> tensor<?x1016xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) weight_zero_points(%zw, %xsums) bias(%b) low_rank(%z, %sz, %up, %su) gate(%gate) residual(%residual) formats(#qllm.int<8, asymmetric>, #qllm.int<8, asymmetric>) schedule(#qk.schedule<tile = [128, 256, 64], warps = [2, 4], stages = 3>)
      : (tensor<?x1024xui8>, tensor<1016x1024xui8>, tensor<?xf32>, tensor<1016xf32>, tensor<?xui8>, tensor<1016xi32>, tensor<1016xui8>, tensor<?xi32>, tensor<1016xf32>, tensor<?x96xi8>, tensor<?xf32>, tensor<1016x96xi8>, tensor<1016xf32>, tensor<?x1016xf16>, tensor<?x1016xf16>) -> tensor<?x1016xf16>
  return %0 : tensor<?x1016xf16>
}

func.func @sources(%x: tensor<?x32768xf16>, %index: tensor<16x32768xi32>) {
  %0:4 = qk.quantize %x gather(%index) format(#qllm.int<4, asymmetric>) group 128
      : (tensor<?x32768xf16>, tensor<16x32768xi32>) -> tensor<?x32768xui4>, tensor<?x256xf32> zero_points tensor<?x256xi32> sums tensor<?xi32>
  return
}

func.func @norm(%x: tensor<?x20480xf16>, %r: tensor<?x20480xf16>, %w: tensor<20480xf16>, %index: tensor<16x20480xi32>) {
  %0:3 = qk.quantize %x residual(%r) norm rms(%w) epsilon 1.0e-05 gather(%index) format(#qllm.int<8>)
      : (tensor<?x20480xf16>, tensor<?x20480xf16>, tensor<20480xf16>, tensor<16x20480xi32>) -> tensor<?x20480xi8>, tensor<?xf32> stream tensor<?x20480xf16>
  return
}

func.func @gate(%x: tensor<?x28672xf16>, %g: tensor<?x28672xf16>) {
  %0:4 = qk.quantize %x gate(%g) format(#qllm.int<4, asymmetric>) group 128
      : (tensor<?x28672xf16>, tensor<?x28672xf16>) -> tensor<?x28672xui4>, tensor<?x224xf32> zero_points tensor<?x224xi32> sums tensor<?xi32>
  return
}
