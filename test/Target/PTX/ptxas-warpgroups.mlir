// NVIDIA's assembler takes kernels with producers without spills and without putting wgmma in sequence, which it warns of; inline
// PTX comes last. Machine code is looked into where cuobjdump is on the path.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_90a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_90a format=nvvm" | FileCheck %s --check-prefix=NVVM

// Four products before the loop and four in it; four in the loop.
// CHECK: sm_90a linear_int4_bytes_int4_n1536_k1024 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int4_bytes_int4_n1536_k1024_g128 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int4_bytes_int4_n1536_k1024_g64 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int8_int4_n1536_k1024 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int8_int4_n3072_k1024 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int8_int8_n100_k1024_g32 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int8_int8_n1536_k1024 {{.*}}spilled=0 tensor=8 warnings=0
// CHECK: sm_90a linear_int8_int8_n1536_k1024_g128 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_int8_int8_n1536_k4096 {{.*}}spilled=0 tensor=8 warnings=0
// CHECK: sm_90a linear_int8_int8_n2048_k1024 {{.*}}spilled=0 tensor={{[0-9]+}} warnings=0
// CHECK: sm_90a linear_int8_int8_n3072_k1024 {{.*}}spilled=0 tensor=8 warnings=0
// CHECK: sm_90a linear_uint4_bytes_int4_n2048_k1024 {{.*}}spilled=0 tensor={{[0-9]+}} warnings=0
// CHECK: sm_90a linear_uint4_bytes_uint4_n1536_k1024_g32 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_uint8_int8_n100_k128_g32 {{.*}}spilled=0 tensor=4 warnings=0
// CHECK: sm_90a linear_uint8_uint4_n1536_k1024_g128 {{.*}}spilled=0 tensor=4 warnings=0
// NVVM: llvm.inline_asm has_side_effects {{.*}}wgmma.mma_async.sync.aligned.m64n256k32.s32.s8.s8 {$0, $1,

func.func @w8a8(%x: tensor<?x1024xi8>, %w: tensor<1536x1024xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, producers = 1>)
      : (tensor<?x1024xi8>, tensor<1536x1024xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w4a8(%x: tensor<?x1024xi8>, %w: tensor<96x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [256, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xi8>, tensor<96x16x512xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

// Clusters of two blocks.

func.func @w8a8_cluster(%x: tensor<?x1024xi8>, %w: tensor<3072x1024xi8>, %sx: tensor<?xf32>, %sw: tensor<3072xf32>)
    -> tensor<?x3072xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, cluster = 2, producers = 1>)
      : (tensor<?x1024xi8>, tensor<3072x1024xi8>, tensor<?xf32>, tensor<3072xf32>) -> tensor<?x3072xf16>
  return %0 : tensor<?x3072xf16>
}

func.func @w4a8_cluster(%x: tensor<?x1024xi8>, %w: tensor<192x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<3072xf32>)
    -> tensor<?x3072xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [256, 128, 128], warps = [1, 8], stages = 4, cluster = 2, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xi8>, tensor<192x16x512xi8>, tensor<?xf32>, tensor<3072xf32>) -> tensor<?x3072xf16>
  return %0 : tensor<?x3072xf16>
}

// For few tokens: 64 outputs for each warpgroup, by eight tokens.

func.func @w8a8_few(%x: tensor<?x4096xi8>, %w: tensor<1536x4096xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [8, 128, 128], warps = [1, 8], stages = 8, producers = 1>)
      : (tensor<?x4096xi8>, tensor<1536x4096xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

// Inputs of four bits lie one to a byte, and are read by wgmma straight from shared memory.

func.func @w4a4(%x: tensor<?x1024xi8>, %w: tensor<96x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [256, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xi8>, tensor<96x16x512xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w4a4_groups(%x: tensor<?x1024xi8>, %w: tensor<96x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<8x1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xi8>, tensor<96x16x512xi8>, tensor<?xf32>, tensor<8x1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

// A low-rank branch is multiplied where the sums become results, some columns at a time.

func.func @w8a8_branch(%x: tensor<?x1024xi8>, %w: tensor<2048x1024xi8>, %sx: tensor<?xf32>, %sw: tensor<2048xf32>, %z: tensor<?x64xi8>, %sz: tensor<?xf32>,
                       %b: tensor<2048x64xi8>, %sb: tensor<2048xf32>) -> tensor<?x2048xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [8, 1], stages = 4, producers = 1>)
      : (tensor<?x1024xi8>, tensor<2048x1024xi8>, tensor<?xf32>, tensor<2048xf32>, tensor<?x64xi8>, tensor<?xf32>, tensor<2048x64xi8>, tensor<2048xf32>) -> tensor<?x2048xf16>
  return %0 : tensor<?x2048xf16>
}

func.func @w4a4_branch(%x: tensor<?x1024xui8>, %w: tensor<128x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<2048xf32>, %zx: tensor<?xi32>, %sums: tensor<2048xi32>,
                       %bias: tensor<2048xf32>, %z: tensor<?x32xi8>, %sz: tensor<?xf32>, %b: tensor<2048x32xi8>, %sb: tensor<2048xf32>) -> tensor<?x2048xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) bias(%bias) low_rank(%z, %sz, %b, %sb) formats(#qllm.int<4, asymmetric>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [256, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xui8>, tensor<128x16x512xi8>, tensor<?xf32>, tensor<2048xf32>, tensor<?xi32>, tensor<2048xi32>, tensor<2048xf32>, tensor<?x32xi8>, tensor<?xf32>, tensor<2048x32xi8>, tensor<2048xf32>) -> tensor<?x2048xf16>
  return %0 : tensor<?x2048xf16>
}

// Groups on both sides, whose scales the producer brings; without that, registers spilled. The same of eight bits, and zero points on both sides.

func.func @w4a4_both(%x: tensor<?x1024xi8>, %w: tensor<96x16x512xi8>, %sx: tensor<?x16xf32>, %sw: tensor<16x1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xi8>, tensor<96x16x512xi8>, tensor<?x16xf32>, tensor<16x1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w8a8_both(%x: tensor<?x1024xi8>, %w: tensor<1536x1024xi8>, %sx: tensor<?x8xf32>, %sw: tensor<8x1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      : (tensor<?x1024xi8>, tensor<1536x1024xi8>, tensor<?x8xf32>, tensor<8x1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w4a8_zero(%x: tensor<?x1024xui8>, %w: tensor<96x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<8x1536xf32>, %zx: tensor<?xi32>, %sums: tensor<1536xf32>, %zw: tensor<8x1536xui4>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) weight_zero_points(%zw) formats(#qllm.int<8, asymmetric>, #qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xui8>, tensor<96x16x512xi8>, tensor<?xf32>, tensor<8x1536xf32>, tensor<?xi32>, tensor<1536xf32>, tensor<8x1536xui4>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w4a4_both_zero(%x: tensor<?x1024xui8>, %w: tensor<96x16x512xi8>, %sx: tensor<?x32xf32>, %sw: tensor<32x1536xf32>, %zx: tensor<?x32xi32>, %sums: tensor<32x1536xi32>, %zw: tensor<32x1536xui4>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) weight_zero_points(%zw) formats(#qllm.int<4, asymmetric>, #qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [64, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xui8>, tensor<96x16x512xi8>, tensor<?x32xf32>, tensor<32x1536xf32>, tensor<?x32xi32>, tensor<32x1536xi32>, tensor<32x1536xui4>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

// Groups of 32 beside columns that end inside of a tile, and a depth of one tile, which is no straight code: both spilled.

func.func @w8a8_groups(%x: tensor<?x1024xi8>, %w: tensor<100x1024xi8>, %sx: tensor<?xf32>, %sw: tensor<32x100xf32>) -> tensor<?x100xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      : (tensor<?x1024xi8>, tensor<100x1024xi8>, tensor<?xf32>, tensor<32x100xf32>) -> tensor<?x100xf16>
  return %0 : tensor<?x100xf16>
}

func.func @w8a8_one_tile(%x: tensor<?x128xui8>, %w: tensor<100x128xi8>, %sx: tensor<?x4xf32>, %sw: tensor<4x100xf32>, %zx: tensor<?x4xi32>, %sums: tensor<4x100xi32>)
    -> tensor<?x100xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) zero_points(%zx, %sums) formats(#qllm.int<8, asymmetric>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [64, 128, 128], warps = [1, 8], stages = 4, producers = 1>)
      : (tensor<?x128xui8>, tensor<100x128xi8>, tensor<?x4xf32>, tensor<4x100xf32>, tensor<?x4xi32>, tensor<4x100xi32>) -> tensor<?x100xf16>
  return %0 : tensor<?x100xf16>
}
