// NVIDIA's assembler accepts kernels of floats and integer weights for every target, with no spills.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_86,sm_89,sm_90a,sm_100a,sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// Instructions of a tile: 4 blocks of rows by 4 of columns and 8 steps; 4 by 8 and 4; one by 4 and 8; and for few tokens, 2
// blocks of rows of the weight by 16 steps. Blocks that share tiles have 2 by 4 and 8, and 2 by 8.
// A low-rank branch has a step for each 16 of its rank: beside 128 sums 6 of 4 by 8, and for few tokens 4 of 2 blocks in a loop over 16.
// CHECK: sm_80 linear_bf16_int4_n4096_k4096 {{.*}}spilled=0 tensor=320
// CHECK: sm_80 linear_bf16_int8_n4096_k4096_g128 {{.*}}spilled=0 tensor=24
// CHECK: sm_80 linear_bf16_uint4_n4096_k4096_g128 {{.*}}spilled=0 tensor=32
// CHECK: sm_80 linear_f16_int4_n4096_k4096 {{.*}}spilled=0 tensor=128
// CHECK: sm_80 linear_f16_int4_n4096_k4096_g128 {{.*}}spilled=0 tensor=128
// CHECK: sm_80 linear_f16_int4_n4096_k4096_g128_1 {{.*}}spilled=0 tensor=32
// CHECK: sm_80 linear_f16_int4_n4096_k4096_g128_2 {{.*}}spilled=0 tensor=64
// CHECK: sm_80 linear_f16_int4_n4096_k4096_g128_3 {{.*}}spilled=0 tensor=16
// CHECK: sm_90a linear_bf16_uint4_n4096_k4096_g128 {{.*}}spilled=0 tensor=32
// CHECK: sm_90a linear_f16_int4_n4096_k4096 {{.*}}spilled=0 tensor=128
// CHECK: sm_120a linear_f16_int4_n4096_k4096_g128_1 {{.*}}spilled=0 tensor=32

#fragments = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>

func.func @many_tokens(%x: tensor<?x4096xf16>, %w: tensor<256x64x512xi8>, %s: tensor<4096xf16>) -> tensor<?x4096xf16> {
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 256, 64], warps = [1, 4], stages = 4>) layout(#fragments)
      : (tensor<?x4096xf16>, tensor<256x64x512xi8>, tensor<4096xf16>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

func.func @groups(%x: tensor<?x4096xf16>, %w: tensor<256x64x512xi8>, %s: tensor<32x4096xf16>) -> tensor<?x4096xf16> {
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 256, 128], warps = [1, 8], stages = 3>) layout(#fragments)
      : (tensor<?x4096xf16>, tensor<256x64x512xi8>, tensor<32x4096xf16>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

func.func @some_tokens(%x: tensor<?x4096xbf16>, %w: tensor<256x64x512xi8>, %s: tensor<32x4096xf16>, %z: tensor<32x4096xi8>,
                       %a: tensor<?xi32>) -> tensor<?x4096xbf16> {
  %0:3 = qk.weight_only_linear %x, %w scales(%s) zero_points(%z) arrivals(%a) format(#qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [16, 128, 128], warps = [1, 4], stages = 4, scheduler = stream_k, blocks = 132>)
      layout(#fragments)
      : (tensor<?x4096xbf16>, tensor<256x64x512xi8>, tensor<32x4096xf16>, tensor<32x4096xi8>, tensor<?xi32>)
      -> (tensor<?x4096xbf16>, tensor<?x33792xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x4096xbf16>
}

func.func @one_token(%x: tensor<?x4096xf16>, %w: tensor<256x64x512xi8>, %s: tensor<32x4096xf16>) -> tensor<?x4096xf16> {
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [8, 32, 1024], warps = [4, 1], stages = 1>) layout(#fragments)
      : (tensor<?x4096xf16>, tensor<256x64x512xi8>, tensor<32x4096xf16>) -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

func.func @stream_k(%x: tensor<?x4096xf16>, %w: tensor<256x64x512xi8>, %s: tensor<32x4096xf32>, %a: tensor<?xi32>) -> tensor<?x4096xf32> {
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 64, 128], warps = [2, 2], stages = 4, scheduler = stream_k, blocks = 256>) layout(#fragments)
      : (tensor<?x4096xf16>, tensor<256x64x512xi8>, tensor<32x4096xf32>, tensor<?xi32>)
      -> (tensor<?x4096xf32>, tensor<?x16384xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x4096xf32>
}

func.func @stream_k_one_token(%x: tensor<?x4096xf16>, %w: tensor<256x64x512xi8>, %s: tensor<32x4096xf32>, %a: tensor<?xi32>) -> tensor<?x4096xf32> {
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [8, 32, 512], warps = [4, 1], stages = 1, scheduler = stream_k, blocks = 264>) layout(#fragments)
      : (tensor<?x4096xf16>, tensor<256x64x512xi8>, tensor<32x4096xf32>, tensor<?xi32>)
      -> (tensor<?x4096xf32>, tensor<?x16896xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x4096xf32>
}

func.func @branch(%x: tensor<?x4096xbf16>, %w: tensor<256x64x512xi8>, %s: tensor<4096xf16>, %b: tensor<4096xf32>, %l: tensor<?x96xbf16>,
                  %u: tensor<4096x96xi8>, %v: tensor<4096xf32>) -> tensor<?x4096xbf16> {
  %0 = qk.weight_only_linear %x, %w scales(%s) bias(%b) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [64, 256, 64], warps = [1, 4], stages = 4>) layout(#fragments)
      : (tensor<?x4096xbf16>, tensor<256x64x512xi8>, tensor<4096xf16>, tensor<4096xf32>, tensor<?x96xbf16>, tensor<4096x96xi8>, tensor<4096xf32>) -> tensor<?x4096xbf16>
  return %0 : tensor<?x4096xbf16>
}

func.func @branch_one_token(%x: tensor<?x4096xbf16>, %w: tensor<256x128x512xi8>, %s: tensor<32x4096xf32>, %l: tensor<?x256xbf16>, %u: tensor<4096x256xi8>,
                            %v: tensor<4096xf32>, %a: tensor<?xi32>) -> tensor<?x4096xf32> {
  %0:3 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) arrivals(%a) format(#qllm.int<8>)
      schedule(#qk.schedule<tile = [8, 32, 512], warps = [4, 1], stages = 1, scheduler = stream_k, blocks = 264>)
      layout(#qk.layout<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1>)
      : (tensor<?x4096xbf16>, tensor<256x128x512xi8>, tensor<32x4096xf32>, tensor<?x256xbf16>, tensor<4096x256xi8>, tensor<4096xf32>, tensor<?xi32>)
      -> (tensor<?x4096xf32>, tensor<?x16896xf32>, tensor<?xi32>)
  return %0#0 : tensor<?x4096xf32>
}
