// Tiles of 16 rows by heads of 128 elements take most registers that a thread has, and none is spilled.
// REQUIRES: ptxas
// RUN: qllm-opt %s --qllm-lower-to-nvvm="targets=sm_80,sm_86,sm_89,sm_90a,sm_100a,sm_120a" -o %t.mlir
// RUN: %python %qllm_utils/kernel-report.py %t.mlir | FileCheck %s --implicit-check-not="spilled={{[1-9]}}"

// CHECK: sm_80 attention_uint4_uint4_h32_8_d128 {{.*}}spilled=0 tensor=128
// CHECK: sm_80 attention_uint4_uint8_h8_8_d128 {{.*}}spilled=0 tensor=128
// CHECK: sm_80 attention_uint8_uint8_h8_8_d128 {{.*}}spilled=0 tensor=128
// CHECK: sm_86 ptxas={{.*}} kernels=3
// CHECK: sm_89 ptxas={{.*}} kernels=3
// CHECK: sm_90a attention_uint4_uint4_h32_8_d128 {{.*}}spilled=0 tensor=128
// CHECK: sm_90a attention_uint4_uint8_h8_8_d128 {{.*}}spilled=0 tensor=128
// CHECK: sm_90a attention_uint8_uint8_h8_8_d128 {{.*}}spilled=0 tensor=128
// CHECK: sm_100a ptxas={{.*}} kernels=3
// CHECK: sm_120a ptxas={{.*}} kernels=3

#int4 = #qllm.int<4, asymmetric>
#int8 = #qllm.int<8, asymmetric>

func.func @llama(%q: tensor<?x4096xf16>, %cache: tensor<?x8x9216xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                 %cos: tensor<64x64xf32>, %sin: tensor<64x64xf32>) -> tensor<?x4096xf16> {
  %0 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) heads 32 query_format(#int8)
      formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x4096xf16>, tensor<?x8x9216xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x64xf32>, tensor<64x64xf32>)
      -> tensor<?x4096xf16>
  return %0 : tensor<?x4096xf16>
}

func.func @wide(%q: tensor<?x1024xbf16>, %cache: tensor<?x8x17408xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>)
    -> tensor<?x1024xf32> {
  %0 = qk.attention %q over(%cache) at(%positions, %pages) heads 8 formats(#int8, #int8) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x1024xbf16>, tensor<?x8x17408xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x1024xf32>
  return %0 : tensor<?x1024xf32>
}

func.func @mixed(%q: tensor<?x1024xf32>, %cache: tensor<?x8x13312xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                 %cos: tensor<64x64xf32>, %sin: tensor<64x64xf32>) -> tensor<?x1024xbf16> {
  %0 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) heads 8 query_format(#int8)
      formats(#int4, #int8) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x1024xf32>, tensor<?x8x13312xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x64xf32>, tensor<64x64xf32>)
      -> tensor<?x1024xbf16>
  return %0 : tensor<?x1024xbf16>
}
