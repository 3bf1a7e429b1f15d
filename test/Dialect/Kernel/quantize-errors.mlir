// One case for each constraint of qk.quantize, named after it and in the order of the documentation.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

func.func @quantize_c1_dynamic(%x: tensor<?x?xf16>) {
  // expected-error @+1 {{expected static columns of input and codes, but got 'tensor<?x?xf16>' and 'tensor<?x64xi8>'}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x?xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c1_residual(%x: tensor<?x64xf16>, %r: tensor<?x64xf32>) {
  // expected-error @+1 {{expected a residual of type 'tensor<?x64xf16>', but got 'tensor<?x64xf32>'}}
  %0:2 = qk.quantize %x residual(%r) format(#qllm.int<8>) : (tensor<?x64xf16>, tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c1_gate(%x: tensor<7x64xf16>, %g: tensor<8x64xf16>) {
  // expected-error @+1 {{expected a gate of type 'tensor<7x64xf16>', but got 'tensor<8x64xf16>'}}
  %0:2 = qk.quantize %x gate(%g) format(#qllm.int<8>) : (tensor<7x64xf16>, tensor<8x64xf16>) -> tensor<7x64xi8>, tensor<7xf32>
  return
}

// -----

func.func @quantize_c1_stream(%x: tensor<?x64xf16>, %r: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a stream of type 'tensor<?x64xf16>', but got 'tensor<?x64xf32>'}}
  %0:3 = qk.quantize %x residual(%r) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32> stream tensor<?x64xf32>
  return
}

// -----

func.func @quantize_c1_codes(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected codes of type 'tensor<?x64xi8>', but got 'tensor<?x64xui8>'}}
  %0:2 = qk.quantize %x format(#qllm.int<4>) : (tensor<?x64xf16>) -> tensor<?x64xui8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c2_columns(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected 64 columns of codes where nothing is gathered, but got 128}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x64xf16>) -> tensor<?x128xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c2_index(%x: tensor<?x64xf16>, %i: tensor<96xi32>) {
  // expected-error @+1 {{expected an index of shape [128] or [sources, 128] with 1 to 16 sources, but got 'tensor<96xi32>'}}
  %0:2 = qk.quantize %x gather(%i) format(#qllm.int<8>) : (tensor<?x64xf16>, tensor<96xi32>) -> tensor<?x128xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c2_sources(%x: tensor<?x64xf16>, %i: tensor<17x64xi32>) {
  // expected-error @+1 {{expected an index of shape [64] or [sources, 64] with 1 to 16 sources, but got 'tensor<17x64xi32>'}}
  %0:2 = qk.quantize %x gather(%i) format(#qllm.int<8>) : (tensor<?x64xf16>, tensor<17x64xi32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c2_multiply(%x: tensor<?x64xf16>, %f: tensor<1xf32>) {
  // expected-error @+1 {{expected factors of type 'tensor<64xf32>', but got 'tensor<1xf32>'}}
  %0:2 = qk.quantize %x multiply(%f) format(#qllm.int<8>) : (tensor<?x64xf16>, tensor<1xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c2_add(%x: tensor<?x64xf16>, %d: tensor<1xf32>) {
  // expected-error @+1 {{expected summands of type 'tensor<64xf32>', but got 'tensor<1xf32>'}}
  %0:2 = qk.quantize %x add(%d) format(#qllm.int<8>) : (tensor<?x64xf16>, tensor<1xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c2_offsets(%x: tensor<?x64xf16>, %o: tensor<1xf32>) {
  // expected-error @+1 {{expected rounding offsets of type 'tensor<64xf32>', but got 'tensor<1xf32>'}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) rounding_offsets(%o) : (tensor<?x64xf16>, tensor<1xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c3_together(%x: tensor<?x64xf16>, %w: tensor<64xf16>) {
  // expected-error @+1 {{expected a norm, its weight and an epsilon together}}
  %0:2 = "qk.quantize"(%x, %w) <{format = #qllm.int<8>, norm = 0 : i32,
      operandSegmentSizes = array<i32: 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 1, 0, 0, 0, 0, 0>}>
      : (tensor<?x64xf16>, tensor<64xf16>) -> (tensor<?x64xi8>, tensor<?xf32>)
  return
}

// -----

func.func @quantize_c3_bias(%x: tensor<?x64xf16>, %w: tensor<64xf16>) {
  // expected-error @+1 {{expected a bias beside norm layer only}}
  %0:2 = qk.quantize %x norm rms(%w, %w) epsilon 1.0e-5 format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<64xf16>, tensor<64xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c3_weight(%x: tensor<?x64xf16>, %w: tensor<32xf16>) {
  // expected-error @+1 {{expected a norm's weight of type 'tensor<64xf16>', but got 'tensor<32xf16>'}}
  %0:2 = qk.quantize %x norm rms(%w) epsilon 1.0e-5 format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<32xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c3_bias_size(%x: tensor<?x64xf16>, %w: tensor<64xf16>, %b: tensor<32xf32>) {
  // expected-error @+1 {{expected a norm's bias of type 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %0:2 = qk.quantize %x norm layer(%w, %b) epsilon 1.0e-5 format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<64xf16>, tensor<32xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c3_epsilon(%x: tensor<?x64xf16>, %w: tensor<64xf16>) {
  // expected-error @+1 {{expected a finite epsilon of at least 0, but got -1.000000e+00 : f32}}
  %0:2 = qk.quantize %x norm rms(%w) epsilon -1.0 format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<64xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c4_gate(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a gate without a residual and a norm}}
  %0:2 = qk.quantize %x residual(%x) gate(%x) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c4_stream(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a residual beside a stream, but got none}}
  %0:3 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32> stream tensor<?x64xf16>
  return
}

// -----

func.func @quantize_c5_group(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a group that divides 64, but got 48}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) group 48 : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?x2xf32>
  return
}

// -----

func.func @quantize_c5_scales(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected scales of type 'tensor<?x2xf32>', but got 'tensor<?xf32>'}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) group 32 : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c6_missing(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected zero points beside codes of #qllm.int<8, asymmetric>, but got none}}
  %0:2 = qk.quantize %x format(#qllm.int<8, asymmetric>) : (tensor<?x64xf16>) -> tensor<?x64xui8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c6_needless(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected no zero points beside codes of #qllm.int<8>}}
  %0:3 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32> zero_points tensor<?xi32>
  return
}

// -----

func.func @quantize_c6_shape(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected zero points of type 'tensor<?x2xi32>', but got 'tensor<?xi32>'}}
  %0:3 = qk.quantize %x format(#qllm.int<8, asymmetric>) group 32
      : (tensor<?x64xf16>) -> tensor<?x64xui8>, tensor<?x2xf32> zero_points tensor<?xi32>
  return
}

// -----

func.func @quantize_c6_include_zero(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected asymmetric codes beside include_zero, but got #qllm.int<8>}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) include_zero : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

// A range far from zero has a zero point outside of the codes.
func.func @quantize_c6_narrow(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected i16 or i32 zero points of a range that need not include zero, but got 'tensor<?xui8>'}}
  %0:3 = qk.quantize %x format(#qllm.int<8, asymmetric>)
      : (tensor<?x64xf16>) -> tensor<?x64xui8>, tensor<?xf32> zero_points tensor<?xui8>
  return
}

// -----

func.func @quantize_c7(%x: tensor<7x64xf16>) {
  // expected-error @+1 {{expected sums of type 'tensor<7xi32>', but got 'tensor<8xi32>'}}
  %0:3 = qk.quantize %x format(#qllm.int<8>) : (tensor<7x64xf16>) -> tensor<7x64xi8>, tensor<7xf32> sums tensor<8xi32>
  return
}

// -----

func.func @quantize_c8(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a positive finite clip, but got 0.000000e+00 : f32}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) clip 0.0 : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c9_ragged(%x: tensor<?x60xf16>) {
  // expected-error @+1 {{expected rows of a multiple of 8 elements, at most 32768, but got 60}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x60xf16>) -> tensor<?x60xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c9_long(%x: tensor<?x65536xf16>) {
  // expected-error @+1 {{expected rows of a multiple of 8 elements, at most 32768, but got 65536}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x65536xf16>) -> tensor<?x65536xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c9_group(%x: tensor<?x576xf16>) {
  // expected-error @+1 {{expected groups of 8, 16, .. or 256 elements that divide rows of 576, but got 96}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) group 96 : (tensor<?x576xf16>) -> tensor<?x576xi8>, tensor<?x6xf32>
  return
}

// -----

func.func @quantize_c9_hadamard(%x: tensor<?x576xf16>) {
  // expected-error @+1 {{expected a Hadamard matrix of 1, 2, 4, .. or 16384 rows that divide rows of 576, but got 128}}
  %0:2 = qk.quantize %x hadamard 128 format(#qllm.int<8>) : (tensor<?x576xf16>) -> tensor<?x576xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_no_codes(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected codes of a principal part beside one, but got none}}
  %0:2 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_no_part(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected codes of a principal part only where one is taken off, but got no 'principal'}}
  %0:4 = qk.quantize %x format(#qllm.int<8>)
      : (tensor<?x64xf16>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_split(%x: tensor<?x64xf16>, %i: tensor<64xi32>, %f: tensor<64xf32>) {
  // expected-error @+1 {{expected a split behind a principal part, but got none}}
  %0:2 = qk.quantize %x split(%i, %f) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<64xi32>, tensor<64xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_directions(%x: tensor<?x64xf16>, %p: tensor<2x3x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected directions of a principal part of type 'tensor<2x2x512xi8>', but got 'tensor<2x3x512xi8>'}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x3x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_transposed(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<2x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected transposed directions of a principal part of type 'tensor<4x1x512xi8>', but got 'tensor<2x1x512xi8>'}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<2x1x512xi8>, tensor<32xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_scales(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<31xf32>) {
  // expected-error @+1 {{expected scales of the principal part of type 'tensor<32xf32>', but got 'tensor<31xf32>'}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<31xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_columns(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected 64 columns of codes where nothing is split, but got 72}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>) -> tensor<?x72xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_dynamic(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected static columns of what a principal part is taken off and of its codes, but got 'tensor<?x64xf16>' and 'tensor<?x?xi8>'}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x?xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_rank(%x: tensor<?x64xf16>, %p: tensor<1x2x512xi8>, %t: tensor<4x0x512xi8>, %s: tensor<16xf32>) {
  // expected-error @+1 {{expected a principal part of a multiple of 32 rows, at most 1024, but got 16}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<1x2x512xi8>, tensor<4x0x512xi8>, tensor<16xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x16xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_factors(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>, %i: tensor<96xi32>, %f: tensor<64xf32>) {
  // expected-error @+1 {{expected factors of split channels of type 'tensor<96xf32>', but got 'tensor<64xf32>'}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) split(%i, %f) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>, tensor<96xi32>, tensor<64xf32>) -> tensor<?x96xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_no_transpose(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected directions of a principal part, their transpose and scales together, and its codes and scales}}
  %0:4 = "qk.quantize"(%x, %p, %s) <{format = #qllm.int<8>, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0>, resultSegmentSizes = array<i32: 1, 1, 0, 0, 0, 1, 1>}>
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<32xf32>) -> (tensor<?x64xi8>, tensor<?xf32>, tensor<?x32xi8>, tensor<?xf32>)
  return
}

// -----

func.func @quantize_c10_no_code_scales(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected directions of a principal part, their transpose and scales together, and its codes and scales}}
  %0:3 = "qk.quantize"(%x, %p, %t, %s) <{format = #qllm.int<8>, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0>, resultSegmentSizes = array<i32: 1, 1, 0, 0, 0, 1, 0>}>
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>) -> (tensor<?x64xi8>, tensor<?xf32>, tensor<?x32xi8>)
  return
}

// -----

func.func @quantize_c10_no_split_factors(%x: tensor<?x64xf16>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>, %i: tensor<64xi32>) {
  // expected-error @+1 {{expected an index and factors of split channels together}}
  %0:4 = "qk.quantize"(%x, %p, %t, %s, %i) <{format = #qllm.int<8>, operandSegmentSizes = array<i32: 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0>, resultSegmentSizes = array<i32: 1, 1, 0, 0, 0, 1, 1>}>
      : (tensor<?x64xf16>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>, tensor<64xi32>) -> (tensor<?x64xi8>, tensor<?xf32>, tensor<?x32xi8>, tensor<?xf32>)
  return
}

// -----

func.func @quantize_c10_scalar_index(%x: tensor<?x64xf16>, %i: tensor<i32>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>) {
  // expected-error @+1 {{expected an index of shape [64] or [sources, 64] with 1 to 16 sources, but got 'tensor<i32>'}}
  %0:4 = qk.quantize %x gather(%i) principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<i32>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}

// -----

func.func @quantize_c10_no_rows(%x: tensor<?x64xf16>, %p: tensor<0x2x512xi8>, %t: tensor<4x0x512xi8>, %s: tensor<0xf32>) {
  // expected-error @+1 {{expected a principal part of at least 32 rows, but got none}}
  %0:4 = qk.quantize %x principal(%p, %t, %s) format(#qllm.int<8>)
      : (tensor<?x64xf16>, tensor<0x2x512xi8>, tensor<4x0x512xi8>, tensor<0xf32>) -> tensor<?x64xi8>, tensor<?xf32> principal tensor<?x0xi8>, tensor<?xf32>
  return
}

// -----

// Threads of such rows would spill.
func.func @c9_gate(%x: tensor<?x32768xf16>, %g: tensor<?x32768xf16>) {
  // expected-error @+1 {{expected rows of at most 28672 elements beside a gate, principal part or rounding offsets, as threads have registers for, but got 32768}}
  %0:2 = qk.quantize %x gate(%g) format(#qllm.int<8>) : (tensor<?x32768xf16>, tensor<?x32768xf16>) -> tensor<?x32768xi8>, tensor<?xf32>
  return
}
