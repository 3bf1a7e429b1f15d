// The operations around a cache print and parse, in the readable and in the generic form.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -emit-bytecode | qllm-opt | FileCheck %s

#int4 = #qllm.int<4, asymmetric>

// CHECK-LABEL: func.func @append
func.func @append(%k: tensor<?x192xf16>, %v: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>,
                  %pages: tensor<?xi32>, %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>) -> tensor<?x3x5120xi8> {
  // CHECK: qk.append_kv %{{.*}}, %{{.*}} into(%{{.*}}) at(%{{.*}}, %{{.*}}) rotary(%{{.*}}, %{{.*}}) formats(<4, asymmetric>, <4, asymmetric>) page_tokens 64 clip 0.949999988 :
  %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) rotary(%cos, %sin) formats(#int4, #int4) page_tokens 64 clip 0.95
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>,
         tensor<64x32xf32>) -> tensor<?x3x5120xi8>
  return %0 : tensor<?x3x5120xi8>
}

// Eight heads of 128 elements, rotated, symmetric keys of eight bits, pages of two chunks.
// CHECK-LABEL: func.func @append_wide
func.func @append_wide(%k: tensor<5x1024xf32>, %cache: tensor<7x8x26624xi8>, %positions: tensor<5xi32>, %pages: tensor<?xi32>)
    -> tensor<7x8x26624xi8> {
  // CHECK: hadamard formats(<8>, <4, asymmetric>) page_tokens 128 :
  %0 = qk.append_kv %k, %k into(%cache) at(%positions, %pages) hadamard formats(#qllm.int<8>, #int4) page_tokens 128
      : (tensor<5x1024xf32>, tensor<5x1024xf32>, tensor<7x8x26624xi8>, tensor<5xi32>, tensor<?xi32>) -> tensor<7x8x26624xi8>
  return %0 : tensor<7x8x26624xi8>
}

// Means of keys stay out of the cache.
// CHECK-LABEL: func.func @append_centered
func.func @append_centered(%k: tensor<?x192xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                           %center: tensor<192xf32>) -> tensor<?x3x5120xi8> {
  // CHECK: at(%{{.*}}, %{{.*}}) hadamard center(%{{.*}}) formats(
  %0 = qk.append_kv %k, %k into(%cache) at(%positions, %pages) hadamard center(%center) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<192xf32>)
      -> tensor<?x3x5120xi8>
  return %0 : tensor<?x3x5120xi8>
}

// CHECK-LABEL: func.func @attention
func.func @attention(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                     %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>) -> tensor<?x576xbf16> {
  // CHECK: qk.attention %{{.*}} over(%{{.*}}) at(%{{.*}}, %{{.*}}) rotary(%{{.*}}, %{{.*}}) hadamard heads 9 query_format(<8, asymmetric>) formats(<4, asymmetric>, <4, asymmetric>) page_tokens 64 scale 1.250000e-01 clip 5.000000e-01 warps 4 :
  %0 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) hadamard heads 9 query_format(#qllm.int<8, asymmetric>)
      formats(#int4, #int4) page_tokens 64 scale 0.125 clip 0.5 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>, tensor<64x32xf32>)
      -> tensor<?x576xbf16>
  return %0 : tensor<?x576xbf16>
}

// CHECK-LABEL: func.func @attention_centered
func.func @attention_centered(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>,
                              %cos: tensor<64x32xf32>, %sin: tensor<64x32xf32>, %center: tensor<576xf32>) -> tensor<?x576xf16> {
  // CHECK: rotary(%{{.*}}, %{{.*}}) center(%{{.*}}) heads 9 query_format(
  %0 = qk.attention %q over(%cache) at(%positions, %pages) rotary(%cos, %sin) center(%center) heads 9 query_format(#qllm.int<8>)
      formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64x32xf32>, tensor<64x32xf32>, tensor<576xf32>)
      -> tensor<?x576xf16>
  return %0 : tensor<?x576xf16>
}

// CHECK-LABEL: func.func @splits
func.func @splits(%q: tensor<?x576xf16>, %cache: tensor<?x3x5120xi8>, %positions: tensor<?xi32>, %pages: tensor<?xi32>)
    -> tensor<?x576xf16> {
  // CHECK: %[[PARTS:.*]]:2 = qk.attention {{.*}} warps 2 splits 4 : {{.*}} -> (tensor<4x?x576xf32>, tensor<4x?x18xf32>)
  %0:2 = qk.attention %q over(%cache) at(%positions, %pages) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 2 splits 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> (tensor<4x?x576xf32>, tensor<4x?x18xf32>)
  // CHECK: qk.combine_attention %[[PARTS]]#0, %[[PARTS]]#1 :
  %1 = qk.combine_attention %0#0, %0#1 : (tensor<4x?x576xf32>, tensor<4x?x18xf32>) -> tensor<?x576xf16>
  return %1 : tensor<?x576xf16>
}

// CHECK-LABEL: func.func @launch_in_place
func.func @launch_in_place(%x: tensor<?x64xf32>, %cache: tensor<8x64xi8>) -> tensor<8x64xi8> {
  // CHECK: qk.launch "append"(%{{.*}}, %{{.*}}) sizes [0, 0] in_place [0, 1] geometry
  %0 = qk.launch "append"(%x, %cache) sizes [0, 0] in_place [0, 1] geometry {
      sm_80 = #qk.geometry<columns = 1, tile_rows = 128, threads = 256, shared = 0>}
      : (tensor<?x64xf32>, tensor<8x64xi8>) -> tensor<8x64xi8>
  return %0 : tensor<8x64xi8>
}
