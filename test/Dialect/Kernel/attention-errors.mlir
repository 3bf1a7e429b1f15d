// One case for each constraint of the operations around a cache, named after it and in the order of the documentation.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c1_types(%k: tensor<?x192xf16>, %v: tensor<?x192xf32>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected keys and values of one type, but got 'tensor<?x192xf16>' and 'tensor<?x192xf32>'}}
  %0 = qk.append_kv %k, %v into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf32>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c1_columns(%k: tensor<?x200xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected columns of keys that the heads of the cache divide, but got 'tensor<?x200xf16>' and 'tensor<?x3x5120xi8>'}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 64
      : (tensor<?x200xf16>, tensor<?x200xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c1_positions(%k: tensor<4x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<5xi32>) {
  // expected-error @+1 {{expected positions of type 'tensor<4xi32>', but got 'tensor<5xi32>'}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 64
      : (tensor<4x192xf16>, tensor<4x192xf16>, tensor<?x3x5120xi8>, tensor<5xi32>, tensor<5xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c2_bytes(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a cache of type 'tensor<?x3x10240xi8>', but got 'tensor<?x3x5120xi8>'}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 128
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c2_result(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a result of the type 'tensor<?x3x5120xi8>' of the cache, but got 'tensor<4x3x5120xi8>'}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<4x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c3_size(%k: tensor<?x288xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected heads of 64 or 128 elements, but got 96}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 64
      : (tensor<?x288xf16>, tensor<?x288xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c3_page(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected pages of a multiple of 32 tokens, up to 4096, but got 16}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 16
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c4(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>, %t: tensor<?x64xf32>) {
  // expected-error @+1 {{expected cosines of type 'tensor<?x32xf32>', but got 'tensor<?x64xf32>'}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) rotary(%t, %t) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<?x64xf32>, tensor<?x64xf32>)
      -> tensor<?x3x5120xi8>
  return
}

// -----

func.func @append_kv_c4_alone(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>, %t: tensor<?x32xf32>) {
  // expected-error @+1 {{expected both cosines and sines or none of them}}
  %0 = "qk.append_kv"(%k, %k, %c, %p, %p, %t) <{key_format = #qllm.int<4>, value_format = #qllm.int<4>, page_tokens = 64 : i64,
       operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 1, 0, 0>}>
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<?x32xf32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c5(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a clip above 0 and at most 1, but got 1.5}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) formats(#int4, #int4) page_tokens 64 clip 1.5
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @append_kv_c6(%k: tensor<?x192xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>, %m: tensor<64xf32>) {
  // expected-error @+1 {{expected a center of type 'tensor<192xf32>', but got 'tensor<64xf32>'}}
  %0 = qk.append_kv %k, %k into(%c) at(%p, %p) center(%m) formats(#int4, #int4) page_tokens 64
      : (tensor<?x192xf16>, tensor<?x192xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<64xf32>) -> tensor<?x3x5120xi8>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c1_columns(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected columns of queries that heads divide, but got 'tensor<?x576xf16>' and 10 heads}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 10 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c1_positions(%q: tensor<4x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<5xi32>) {
  // expected-error @+1 {{expected positions of type 'tensor<4xi32>', but got 'tensor<5xi32>'}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<4x576xf16>, tensor<?x3x5120xi8>, tensor<5xi32>, tensor<5xi32>) -> tensor<4x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c2_heads(%q: tensor<?x576xf16>, %c: tensor<?x?x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a cache with a static number of heads, but got 'tensor<?x?x5120xi8>'}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x?x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c2_bytes(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a cache of type 'tensor<?x3x7168xi8>', but got 'tensor<?x3x5120xi8>'}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#qllm.int<8>, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c3_heads(%q: tensor<?x640xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected heads of queries that are 1 to 16 times the 3 of the cache, but got 10}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 10 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x640xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x640xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c3_warps(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected 1, 2 or 4 warps, but got 3}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 3
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c3_splits(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected 1 to 64 splits, but got 65}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4 splits 65
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c4(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>, %s: tensor<8x32xf32>, %t: tensor<9x32xf32>) {
  // expected-error @+1 {{expected sines of type 'tensor<8x32xf32>', but got 'tensor<9x32xf32>'}}
  %0 = qk.attention %q over(%c) at(%p, %p) rotary(%s, %t) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<8x32xf32>, tensor<9x32xf32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c5_clip(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a format of queries beside a clip, but got none}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 clip 0.9 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c5_scale(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a positive finite scale, but got 0}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.0 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c6_count(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected 2 results for 4 splits, but got 1}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4 splits 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c6_result(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected a result of type 'tensor<?x576xf16>', but got 'tensor<?x192xf16>'}}
  %0 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x192xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c6_statistics(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>) {
  // expected-error @+1 {{expected statistics of type 'tensor<4x?x18xf32>', but got 'tensor<4x?x9xf32>'}}
  %0:2 = qk.attention %q over(%c) at(%p, %p) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4 splits 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> (tensor<4x?x576xf32>, tensor<4x?x9xf32>)
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c7_columns(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>, %m: tensor<192xf32>) {
  // expected-error @+1 {{expected a center of type 'tensor<576xf32>', but got 'tensor<192xf32>'}}
  %0 = qk.attention %q over(%c) at(%p, %p) center(%m) heads 9 query_format(#int4) formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<192xf32>) -> tensor<?x576xf16>
  return
}

// -----

#int4 = #qllm.int<4, asymmetric>

func.func @attention_c7_format(%q: tensor<?x576xf16>, %c: tensor<?x3x5120xi8>, %p: tensor<?xi32>, %m: tensor<576xf32>) {
  // expected-error @+1 {{expected a format of queries beside a center, but got none}}
  %0 = qk.attention %q over(%c) at(%p, %p) center(%m) heads 9 formats(#int4, #int4) page_tokens 64 scale 0.125 warps 4
      : (tensor<?x576xf16>, tensor<?x3x5120xi8>, tensor<?xi32>, tensor<?xi32>, tensor<576xf32>) -> tensor<?x576xf16>
  return
}

// -----

func.func @combine_attention_c1_splits(%s: tensor<1x?x576xf32>, %t: tensor<1x?x18xf32>) {
  // expected-error @+1 {{expected sums of 2 to 64 splits, but got 'tensor<1x?x576xf32>'}}
  %0 = qk.combine_attention %s, %t : (tensor<1x?x576xf32>, tensor<1x?x18xf32>) -> tensor<?x576xf16>
  return
}

// -----

func.func @combine_attention_c1_heads(%s: tensor<4x?x576xf32>, %t: tensor<4x?x16xf32>) {
  // expected-error @+1 {{expected heads of 64 or 128 sums and 2 statistics, but got 'tensor<4x?x576xf32>' and 'tensor<4x?x16xf32>'}}
  %0 = qk.combine_attention %s, %t : (tensor<4x?x576xf32>, tensor<4x?x16xf32>) -> tensor<?x576xf16>
  return
}

// -----

func.func @combine_attention_c1_statistics(%s: tensor<4x?x576xf32>, %t: tensor<3x?x18xf32>) {
  // expected-error @+1 {{expected statistics of type 'tensor<4x?x18xf32>', but got 'tensor<3x?x18xf32>'}}
  %0 = qk.combine_attention %s, %t : (tensor<4x?x576xf32>, tensor<3x?x18xf32>) -> tensor<?x576xf16>
  return
}

// -----

func.func @combine_attention_c2(%s: tensor<4x?x576xf32>, %t: tensor<4x?x18xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<?x576xf16>', but got 'tensor<?x64xf16>'}}
  %0 = qk.combine_attention %s, %t : (tensor<4x?x576xf32>, tensor<4x?x18xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @launch_c3_pairs(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected pairs of a result and an operand, but got 1 numbers}}
  %0 = qk.launch "k"(%x) sizes [0, 0] in_place [0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0>}
      : (tensor<?x64xi8>) -> tensor<?x64xi8>
  return
}

// -----

func.func @launch_c3_operand(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected a result in the place of an operand, but got result 0 and operand 1}}
  %0 = qk.launch "k"(%x) sizes [0, 0] in_place [0, 1] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0>}
      : (tensor<?x64xi8>) -> tensor<?x64xi8>
  return
}

// -----

func.func @launch_c3_twice(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected each result and operand in place once, but got result 1 and operand 0 again}}
  %0:2 = qk.launch "k"(%x) sizes [0, 0] in_place [0, 0, 1, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0>}
      : (tensor<?x64xi8>) -> (tensor<?x64xi8>, tensor<?x64xi8>)
  return
}

// -----

func.func @launch_c3_type(%x: tensor<?x64xi8>) {
  // expected-error @+1 {{expected result 0 to have the type 'tensor<?x64xi8>' of operand 0, but got 'tensor<?x64xf32>'}}
  %0 = qk.launch "k"(%x) sizes [0, 0] in_place [0, 0] geometry {sm_80 = #qk.geometry<columns = 1, tile_rows = 1, threads = 32, shared = 0>}
      : (tensor<?x64xi8>) -> tensor<?x64xf32>
  return
}
