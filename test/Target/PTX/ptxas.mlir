// NVIDIA's assembler accepts every kernel for every target: no spills, and no more tensor instructions than there are
// products. Machine code is looked into where cuobjdump is on the path.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_86,sm_89,sm_90a,sm_100a,sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// Binaries come out for several targets at once, with their PTX or without.
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_90a format=cubin" | FileCheck %s --check-prefix=CUBIN
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_90a format=fatbin" | FileCheck %s --check-prefix=FATBIN
// CUBIN: gpu.binary @sm_80 {{.*}}"\7FELF
// CUBIN: gpu.binary @sm_90a {{.*}}"\7FELF
// FATBIN: gpu.binary @sm_80 {{.*}}"P\EDU\BA
// FATBIN: gpu.binary @sm_90a {{.*}}"P\EDU\BA

// A tile of a warp is 64x32 or 64x64, a step 32 bytes deep: 2 steps of 4x4 or 4x8 instructions in the loop. Four bits that are
// unpacked take two instructions for one.
// CHECK: sm_80 linear_int4_int4_n1536_k1024_g128 {{.*}}spilled=0 tensor=32
// CHECK: sm_80 linear_int8_int4_n1536_k1024 {{.*}}spilled=0 tensor=64
// CHECK: sm_80 linear_int8_int8_n1536_k1024 {{.*}}spilled=0 tensor=64
// CHECK: sm_86 linear_int4_int4_n1536_k1024_g128 {{.*}}spilled=0 tensor=32
// CHECK: sm_89 linear_int4_int4_n1536_k1024_g128 {{.*}}spilled=0 tensor=32
// CHECK: sm_90a linear_int4_int4_n1536_k1024_g128 {{.*}}spilled=0 tensor=64
// CHECK: sm_100a linear_int8_int8_n1536_k1024 {{.*}}spilled=0 tensor=64
// CHECK: sm_120a linear_int8_int8_n1536_k1024 {{.*}}spilled=0 tensor=64

func.func @w8a8(%x: tensor<?x1024xi8>, %w: tensor<1536x1024xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<8>)
      schedule(#qk.schedule<tile = [128, 256, 64], warps = [2, 4], stages = 4>)
      : (tensor<?x1024xi8>, tensor<1536x1024xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w4a8(%x: tensor<?x1024xi8>, %w: tensor<96x16x512xi8>, %sx: tensor<?xf32>, %sw: tensor<1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<8>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 256, 64], warps = [2, 4], stages = 4>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x1024xi8>, tensor<96x16x512xi8>, tensor<?xf32>, tensor<1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}

func.func @w4a4(%x: tensor<?x1024xi4>, %w: tensor<1536x1024xi4>, %sx: tensor<?xf32>, %sw: tensor<8x1536xf32>)
    -> tensor<?x1536xf16> {
  %0 = qk.linear %x, %w scales(%sx, %sw) formats(#qllm.int<4>, #qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [2, 4], stages = 4>)
      : (tensor<?x1024xi4>, tensor<1536x1024xi4>, tensor<?xf32>, tensor<8x1536xf32>) -> tensor<?x1536xf16>
  return %0 : tensor<?x1536xf16>
}
