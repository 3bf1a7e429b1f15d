// Constraints of qk.weight_only_linear and of stream-K: one case each, named after it.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected 1 to 65535 blocks with stream_k and 0 with data_parallel, but got 0 with stream_k}}
func.func private @schedule_c3() attributes {a = #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k>}

// -----

// expected-error @+1 {{expected 1 to 65535 blocks with stream_k and 0 with data_parallel, but got 4 with data_parallel}}
func.func private @schedule_c3_superfluous() attributes {a = #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, blocks = 4>}

// -----

func.func @c1_dynamic(%x: tensor<?x?xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected static columns of input and result, but got 'tensor<?x?xf16>' and 'tensor<?x64xf16>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x?xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c1_rows(%x: tensor<7x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<7x64xf16>', but got 'tensor<8x64xf16>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<7x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<8x64xf16>
  return
}

// -----

func.func @c2_layout(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8> for weights of #qllm.int<4>, but got #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c2_bits(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected #qk.layout<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1> for weights of #qllm.int<8>}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<8>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c2_shape(%x: tensor<?x128xf16>, %w: tensor<4x3x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected a weight of type 'tensor<4x2x512xi8>', but got 'tensor<4x3x512xi8>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x3x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c3(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<3x64xf32>) {
  // expected-error @+1 {{expected scales of shape [n] or [groups, n] with at least 2 groups that divide 128, but got 'tensor<3x64xf32>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<3x64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c3_columns(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<2x32xf16>) {
  // expected-error @+1 {{expected scales of type 'tensor<2x64xf16>', but got 'tensor<2x32xf16>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<2x32xf16>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c4_missing(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected zero points beside codes of #qllm.int<4, asymmetric>, but got none}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c4_superfluous(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %z: tensor<64xi8>) {
  // expected-error @+1 {{expected no zero points beside codes of #qllm.int<4>}}
  %0 = qk.weight_only_linear %x, %w scales(%s) zero_points(%z) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<64xi8>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c4_shape(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<2x64xf32>, %z: tensor<64xi8>) {
  // expected-error @+1 {{expected zero points of type 'tensor<2x64xi8>', but got 'tensor<64xi8>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) zero_points(%z) format(#qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<2x64xf32>, tensor<64xi8>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c4_unsigned(%x: tensor<?x128xbf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %z: tensor<64xui8>) {
  // expected-error @+1 {{expected zero points of type 'tensor<64xi8>', but got 'tensor<64xui8>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) zero_points(%z) format(#qllm.int<4, asymmetric>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xbf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<64xui8>) -> tensor<?x64xbf16>
  return
}

// -----

func.func @c5(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %b: tensor<32xf32>) {
  // expected-error @+1 {{expected a bias of type 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) bias(%b) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<32xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c6_missing(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected arrivals beside #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>, but got none}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c6_superfluous(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<?xi32>) {
  // expected-error @+1 {{expected no arrivals beside #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>}}
  %0 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?xi32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c6_parts(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<?xi32>) {
  // expected-error @+1 {{expected 3 results of a kernel with stream_k, but got 1}}
  %0 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?xi32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c6_room(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<?xi32>) {
  // expected-error @+1 {{expected sums of parts of type 'tensor<?x128xf32>', but got 'tensor<?x64xf32>'}}
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?xi32>) -> (tensor<?x64xf16>, tensor<?x64xf32>, tensor<?xi32>)
  return
}

// -----

// Two rows of tiles up to 32 rows, of one tile each.
func.func @c6_counts(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected arrivals for 2 tiles, but got 1}}
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule([#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2, max_rows = 32>,
                #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>])
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<1xi32>) -> (tensor<?x64xf16>, tensor<?x128xf32>, tensor<1xi32>)
  return
}

// -----

// Two rows of tiles from 17 rows on, three from 33 on.
func.func @c6_any_rows(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<2xi32>) {
  // expected-error @+1 {{expected max_rows of a schedule with stream_k, or arrivals of a dynamic number, since no fixed one is enough for any number of rows, but got 2 arrivals beside #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>}}
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<2xi32>) -> (tensor<?x64xf16>, tensor<?x128xf32>, tensor<2xi32>)
  return
}

// -----

func.func @c6_arrivals(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<?xi32>) {
  // expected-error @+1 {{expected a result of arrivals of type 'tensor<?xi32>', but got 'tensor<4xi32>'}}
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 2>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?xi32>) -> (tensor<?x64xf16>, tensor<?x256xf32>, tensor<4xi32>)
  return
}

// -----

func.func @c7_bits(%x: tensor<?x128xbf16>, %w: tensor<4x4x512xi8>, %s: tensor<64xf32>, %z: tensor<64xi8>) {
  // expected-error @+1 {{expected codes of 3 to 8 bits, or of up to 4 with zero points, beside inputs of bf16, but got uint8}}
  %0 = qk.weight_only_linear %x, %w scales(%s) zero_points(%z) format(#qllm.int<8, asymmetric>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1>)
      : (tensor<?x128xbf16>, tensor<4x4x512xi8>, tensor<64xf32>, tensor<64xi8>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_alignment(%x: tensor<?x124xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected rows of a multiple of 16 bytes, which copies need, but got 124 elements of 16 bits}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x124xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_tile(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected tiles of warps that are multiples of 16x16, or tiles of 8 rows, but got 16x72 on 1x2 warps}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 72, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_depth(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected a tile depth of 64 or 128, but got 32}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 32], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_stages(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected 2 to 8 stages, but got 1}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_copies(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected a multiple of 4 warps for a depth of 128, but got 2}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 128], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_groups(%x: tensor<?x192xf16>, %w: tensor<4x3x512xi8>, %s: tensor<2x64xf32>) {
  // expected-error @+1 {{expected groups of a multiple of 16 that divide 192, and divide the depth of a warp's tile, 64, or are multiples of it, but got groups of 96}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x192xf16>, tensor<4x3x512xi8>, tensor<2x64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_registers(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<2x64xf32>) {
  // expected-error @+1 {{expected tiles of warps that take at most 255 registers of each of 64 threads, but got about 608 for 128x64 and 1 groups in its depth}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 128, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<2x64xf32>) -> tensor<?x64xf16>
  return
}

// -----

// Runs that an assembler begins before it has finished another take registers too: these spilled.
func.func @c7_registers_of_groups(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<4x64xf32>) {
  // expected-error @+1 {{expected tiles of warps that take at most 255 registers of each of 256 threads, but got about 328 for 64x32 and 4 groups in its depth}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 128, 128], warps = [2, 4], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<4x64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_shared(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected at most 232448 bytes of shared memory, which no target exceeds, but got 393216}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [128, 256, 128], warps = [2, 4], stages = 8>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_blocks(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %a: tensor<?xi32>) {
  // expected-error @+1 {{expected 1 to 2 blocks, each with one of the steps of 1 tiles of 2, but got 4}}
  %0:3 = qk.weight_only_linear %x, %w scales(%s) arrivals(%a) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3, scheduler = stream_k, blocks = 4>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?xi32>) -> (tensor<?x64xf16>, tensor<?x256xf32>, tensor<?xi32>)
  return
}

// -----

func.func @c7_few_tokens(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected tiles of a multiple of 32 columns and 128 of depth for 2x2 warps, but got 32 and 64}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [8, 32, 64], warps = [2, 2], stages = 1>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c7_few_tokens_stages(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected 1 stage with tiles of 8 rows, but got 3}}
  %0 = qk.weight_only_linear %x, %w scales(%s) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [8, 32, 128], warps = [2, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_inputs(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x64xf16>, %u: tensor<64x32xi8>, %v: tensor<64xf32>) {
  // expected-error @+1 {{expected inputs of a branch of type 'tensor<?x32xf16>', but got 'tensor<?x64xf16>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x64xf16>, tensor<64x32xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_element(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x32xbf16>, %u: tensor<64x32xi8>, %v: tensor<64xf32>) {
  // expected-error @+1 {{expected inputs of a branch of type 'tensor<?x32xf16>', but got 'tensor<?x32xbf16>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x32xbf16>, tensor<64x32xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_weights(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x32xf16>, %u: tensor<48x32xi8>, %v: tensor<64xf32>) {
  // expected-error @+1 {{expected weights of a branch of type 'tensor<64x32xi8>', but got 'tensor<48x32xi8>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x32xf16>, tensor<48x32xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_scales(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x32xf16>, %u: tensor<64x32xi8>, %v: tensor<32xf32>) {
  // expected-error @+1 {{expected scales of a branch's weights of type 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x32xf16>, tensor<64x32xi8>, tensor<32xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_dynamic(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x32xf16>, %u: tensor<64x?xi8>, %v: tensor<64xf32>) {
  // expected-error @+1 {{expected a branch of static rank, but got 'tensor<64x?xi8>'}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x32xf16>, tensor<64x?xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_rank(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x24xf16>, %u: tensor<64x24xi8>, %v: tensor<64xf32>) {
  // expected-error @+1 {{expected a rank that is a multiple of 16 and at most 1024, but got 24}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x24xf16>, tensor<64x24xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_large_rank(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x1040xf16>, %u: tensor<64x1040xi8>, %v: tensor<64xf32>) {
  // expected-error @+1 {{expected a rank that is a multiple of 16 and at most 1024, but got 1040}}
  %0 = qk.weight_only_linear %x, %w scales(%s) low_rank(%l, %u, %v) format(#qllm.int<4>)
      schedule(#qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>)
      layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>)
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x1040xf16>, tensor<64x1040xi8>, tensor<64xf32>) -> tensor<?x64xf16>
  return
}

// -----

func.func @c8_together(%x: tensor<?x128xf16>, %w: tensor<4x2x512xi8>, %s: tensor<64xf32>, %l: tensor<?x32xf16>) {
  // expected-error @+1 {{expected inputs, weights and scales of a branch together}}
  %0 = "qk.weight_only_linear"(%x, %w, %s, %l) {format = #qllm.int<4>, layout = #qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>,
      schedule = #qk.schedule<tile = [16, 64, 64], warps = [1, 2], stages = 3>, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 1, 0, 0, 0>}
      : (tensor<?x128xf16>, tensor<4x2x512xi8>, tensor<64xf32>, tensor<?x32xf16>) -> tensor<?x64xf16>
  return
}
