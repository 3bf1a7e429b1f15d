// NVIDIA's assembler accepts the kernels around a cache for every target, without spills.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_86,sm_89,sm_90a,sm_100a,sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir --check | FileCheck %s

// A chunk of 32 tokens takes two tensor instructions for every 8 tokens by 16 elements of keys, and 16 tokens by 8 elements of
// values; queries whose codes are bf16 take one for keys.
// CHECK: sm_80 append_kv_uint4_uint4_h3_d64 {{.*}}spilled=0 tensor=0
// CHECK: sm_80 append_kv_uint4_uint4_h3_d64_1 {{.*}}spilled=0 tensor=0
// CHECK: sm_80 attention_uint4_uint4_h9_3_d64 {{.*}}spilled=0 tensor=48
// CHECK: sm_80 attention_uint4_uint4_h9_3_d64_1 {{.*}}spilled=0 tensor=64
// CHECK: sm_80 combine_attention_s4_n576 {{.*}}spilled=0 tensor=0
// CHECK: sm_90a attention_uint4_uint4_h9_3_d64 {{.*}}spilled=0 tensor=48
// CHECK: sm_120a attention_uint4_uint4_h9_3_d64 {{.*}}spilled=0 tensor=48
// CHECK: sm_120a attention_uint4_uint4_h9_3_d64_1 {{.*}}spilled=0 tensor=64

#int4 = #qllm.int<4, asymmetric>

func.func @append(%k: tensor<?x192xf16>, %v: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>,
                  %pages: tensor<?xi32>, %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>) -> tensor<?x3x5120xi8> {
  %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) rotary(%cos, %sin) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>,
         tensor<64x32xf32>) -> tensor<?x3x5120xi8>
  return %0 : tensor<?x3x5120xi8>
}

func.func @smollm2(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                   %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>) -> tensor<?x576xf16> {
  %0:2 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) heads 9 query_format(#qllm.int<8>)
      formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4 splits 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>, tensor<64x32xf32>)
      -> (tensor<4x?x576xf32>, tensor<4x?x18xf32>)
  %1 = qk.combine_attention %0#0, %0#1 : (tensor<4x?x576xf32>, tensor<4x?x18xf32>) -> tensor<?x576xf16>
  return %1 : tensor<?x576xf16>
}

// With heads that are rotated behind the tables and means that are one constant for all positions.
func.func @append_centered(%k: tensor<?x192xf16>, %v: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>,
                           %pages: tensor<?xi32>, %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>, %center: tensor<192xf32>)
    -> tensor<?x3x5120xi8> {
  %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) rotary(%cos, %sin) hadamard center(%center) formats(#int4, #int4)
      page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>,
         tensor<64x32xf32>, tensor<192xf32>) -> tensor<?x3x5120xi8>
  return %0 : tensor<?x3x5120xi8>
}

func.func @smollm2_centered(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                            %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>, %center: tensor<576xf32>) -> tensor<?x576xf16> {
  %0 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) hadamard center(%center) heads 9
      query_format(#int4) formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>, tensor<64x32xf32>,
         tensor<576xf32>) -> tensor<?x576xf16>
  return %0 : tensor<?x576xf16>
}
