// Four bits on both sides with scales of groups of 128, two groups to a tile: no spills, and one tensor instruction for each product. Sums
// become floats without a conversion, which sm_80 is slow at.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_86" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// CHECK: sm_80 linear_int4_int4_n4096_k4096_g128 {{.*}}spilled=0 tensor=64
// CHECK: sm_80 linear_int4_uint4_n4096_k4096_g128 {{.*}}spilled=0 tensor=40
// CHECK: sm_80 linear_int8_uint4_n4096_k4096_g128 {{.*}}spilled=0 tensor=40
// CHECK: sm_86 linear_int4_int4_n4096_k4096_g128 {{.*}}spilled=0 tensor=64

func.func @w4a4(%x: tensor<?x4096xi4>, %w: tensor<4096x4096xi4>, %sx: tensor<?xf32>, %sw: tensor<32x4096xf32>)
    -> tensor<?x4096xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 128, 256], warps = [2, 4], stages = 3>)
      : (tensor<?x4096xi4>, tensor<4096x4096xi4>, tensor<?xf32>, tensor<32x4096xf32>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

// Zero points of groups of weights: a product with ones for each block of 16 rows beside those with four blocks of columns.

func.func @w4a4_zero_points(%x: tensor<?x4096xi4>, %w: tensor<4096x4096xui4>, %sx: tensor<?xf32>, %sw: tensor<32x4096xf32>,
                            %zw: tensor<32x4096xui8>) -> tensor<?x4096xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) weight_zero_points(%zw) formats(#qllm.int<4>, #qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [64, 128, 256], warps = [2, 4], stages = 3>)
      : (tensor<?x4096xi4>, tensor<4096x4096xui4>, tensor<?xf32>, tensor<32x4096xf32>, tensor<32x4096xui8>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

func.func @w4a8_zero_points(%x: tensor<?x4096xi8>, %w: tensor<256x64x512xi8>, %sx: tensor<?xf32>, %sw: tensor<32x4096xf32>,
                            %zw: tensor<32x4096xui8>) -> tensor<?x4096xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) weight_zero_points(%zw) formats(#qllm.int<8>, #qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [64, 128, 128], warps = [2, 4], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x4096xi8>, tensor<256x64x512xi8>, tensor<?xf32>, tensor<32x4096xf32>, tensor<32x4096xui8>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}
