// One case for each constraint, named after it and in the order of the documentation.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

// int_c1
// expected-error @+1 {{expected 2 to 8 bits, but got 1}}
func.func private @int_c1_below() attributes {a = #qllm.int<1>}

// -----

// expected-error @+1 {{expected 2 to 8 bits, but got 9}}
func.func private @int_c1_above() attributes {a = #qllm.int<9>}

// -----

// expected-error @+1 {{expected an axis of at least 0, but got -1}}
func.func private @granularity_c1() attributes {a = #qllm.granularity<per_channel<-1>>}

// -----

// expected-error @+1 {{expected a group size of at least 1, but got 0}}
func.func private @granularity_c2() attributes {a = #qllm.granularity<group<1, 0>>}

// -----

// expected-error @+1 {{expected per_tensor, per_channel<axis>, per_token or group<axis, size>, but got 'per_row'}}
func.func private @granularity_unknown() attributes {a = #qllm.granularity<per_row>}

// -----

// expected-error @+1 {{expected a shape of rank at least 1, but got rank 0}}
func.func private @quantized_c1(!qllm.quantized<, #qllm.int<4>, per_tensor>)

// -----

// expected-error @+1 {{expected a granularity axis below the rank 2, but got 2}}
func.func private @quantized_c2(!qllm.quantized<8x64, #qllm.int<4>, per_channel<2>>)

// -----

// expected-error @+1 {{expected a group size that divides axis 1 of size 36, but got 32; group sizes that do: 2, 3, 4, 6, 9, 12, 18, 36}}
func.func private @quantized_c3(!qllm.quantized<8x36, #qllm.int<4>, group<1, 32>>)

// -----

// expected-error @+1 {{expected a format without zero points for scales in ue8m0, but got #qllm.int<4, asymmetric>}}
func.func private @quantized_c4(!qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>, scale = ue8m0>)

// -----

// expected-error @+1 {{expected a granularity finer than the tensor beside tensor_scale, but got per_tensor}}
func.func private @quantized_c5_granularity(!qllm.quantized<8x64, #qllm.float<e2m1>, per_tensor, tensor_scale>)

// -----

// expected-error @+1 {{expected a format without zero points beside tensor_scale, but got #qllm.int<4, asymmetric>}}
func.func private @quantized_c5_format(!qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>, tensor_scale>)

// -----

// expected-error @+1 {{expected an element format such as #qllm.int<4>, but got i4}}
func.func private @quantized_format(!qllm.quantized<8x64, i4, per_tensor>)

// -----

// expected-error @+1 {{expected scales in f32, f16, bf16, ue8m0 or e4m3, but got 'f64'}}
func.func private @quantized_scale(!qllm.quantized<8x64, #qllm.int<4>, per_tensor, scale = f64>)

// -----

// expected-error @+1 {{expected 'scale = ENCODING' and 'tensor_scale', each at most once and in this order, but got 'scale'}}
func.func private @quantized_options(!qllm.quantized<8x64, #qllm.int<4>, group<1, 32>, tensor_scale, scale = f16>)

// -----

func.func @quantize_c1(%x: tensor<8x64xf32>) {
  // expected-error @+1 {{expected a result of the shape of 'tensor<8x64xf32>', but got '!qllm.quantized<8x32, #qllm.int<4>, per_token>'}}
  %0 = qllm.quantize %x : tensor<8x64xf32> -> !qllm.quantized<8x32, #qllm.int<4>, per_token>
  return
}

// -----

func.func @quantize_c2_shape(%x: tensor<8x64xf32>, %s: tensor<64xf32>) {
  // expected-error @+1 {{expected scales of type 'tensor<8xf32>', but got 'tensor<64xf32>'}}
  %0 = qllm.quantize %x scales(%s : tensor<64xf32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_channel<0>>
  return
}

// -----

func.func @quantize_c2_encoding(%x: tensor<8x64xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected scales of type 'tensor<8xf16>', but got 'tensor<8xf32>'}}
  %0 = qllm.quantize %x scales(%s : tensor<8xf32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_channel<0>, scale = f16>
  return
}

// -----

func.func @quantize_c3_missing(%x: tensor<8x64xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected zero_points for given scales and format #qllm.int<4, asymmetric>, but got none}}
  %0 = qllm.quantize %x scales(%s : tensor<8xf32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, per_channel<0>>
  return
}

// -----

func.func @quantize_c3_symmetric(%x: tensor<8x64xf32>, %s: tensor<8xf32>, %z: tensor<8xi32>) {
  // expected-error @+1 {{expected no zero_points for given scales and format #qllm.int<4>, but got some}}
  %0 = qllm.quantize %x scales(%s : tensor<8xf32>) zero_points(%z : tensor<8xi32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_channel<0>>
  return
}

// -----

func.func @quantize_c3_dynamic(%x: tensor<8x64xf32>, %z: tensor<8xi32>) {
  // expected-error @+1 {{expected no zero_points for a dynamic range and format #qllm.int<4, asymmetric>, but got some}}
  %0 = qllm.quantize %x zero_points(%z : tensor<8xi32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, per_channel<0>>
  return
}

// -----

func.func @quantize_c4(%x: tensor<8x64xf32>, %s: tensor<8xf32>, %z: tensor<8xi8>) {
  // expected-error @+1 {{expected zero_points of type 'tensor<8xi32>', but got 'tensor<8xi8>'}}
  %0 = qllm.quantize %x scales(%s : tensor<8xf32>) zero_points(%z : tensor<8xi8>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, per_channel<0>>
  return
}

// -----

func.func @quantize_c5(%x: tensor<8x64xf32>, %s: tensor<8x4xf8E4M3FN>) {
  // expected-error @+1 {{expected tensor_scale for given scales and a type with one, but got none}}
  %0 = qllm.quantize %x scales(%s : tensor<8x4xf8E4M3FN>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
  return
}

// -----

func.func @quantize_c5_dynamic(%x: tensor<8x64xf32>, %t: tensor<f32>) {
  // expected-error @+1 {{expected no tensor_scale for a dynamic range and a type with one, but got some}}
  %0 = qllm.quantize %x tensor_scale(%t : tensor<f32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
  return
}

// -----

func.func @quantize_c6_format(%x: tensor<8x64xf32>, %o: tensor<64xf32>) {
  // expected-error @+1 {{expected an integer format beside rounding_offsets, but got #qllm.float<e2m1>}}
  %0 = qllm.quantize %x rounding_offsets(%o : tensor<64xf32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.float<e2m1>, per_token>
  return
}

// -----

func.func @quantize_c6_size(%x: tensor<8x64xf32>, %o: tensor<8xf32>) {
  // expected-error @+1 {{expected 64 rounding_offsets, one for each index of the last axis, but got 8}}
  %0 = qllm.quantize %x rounding_offsets(%o : tensor<8xf32>) : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_token>
  return
}

// -----

func.func @quantize_c7(%x: tensor<8x64xf32>) {
  // expected-error @+1 {{expected a dynamic range and a format with zero points beside include_zero, but got a dynamic range and format #qllm.int<4>}}
  %0 = qllm.quantize %x include_zero : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_token>
  return
}

// -----

func.func @quantize_c8_scales(%x: tensor<8x64xf32>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected no scales beside clip, but got some}}
  %0 = qllm.quantize %x scales(%s : tensor<8xf32>) clip 0.9 : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_token>
  return
}

// -----

func.func @quantize_c8_zero(%x: tensor<8x64xf32>) {
  // expected-error @+1 {{expected a positive finite clip, but got 0.000000e+00 : f32}}
  %0 = qllm.quantize %x clip 0.0 : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_token>
  return
}

// -----

func.func @quantize_c8_infinity(%x: tensor<8x64xf32>) {
  // expected-error @+1 {{expected a positive finite clip, but got 0x7F800000 : f32}}
  %0 = qllm.quantize %x clip 0x7F800000 : tensor<8x64xf32> -> !qllm.quantized<8x64, #qllm.int<4>, per_token>
  return
}

// -----

func.func @dequantize_c1(%q: !qllm.quantized<8x64, #qllm.int<4>, per_tensor>) {
  // expected-error @+1 {{expected a result of the shape of '!qllm.quantized<8x64, #qllm.int<4>, per_tensor>', but got 'tensor<8x32xf32>'}}
  %0 = qllm.dequantize %q : !qllm.quantized<8x64, #qllm.int<4>, per_tensor> -> tensor<8x32xf32>
  return
}

// -----

func.func @pack_c1(%c: tensor<8x64xi8>, %s: tensor<f32>) {
  // expected-error @+1 {{expected codes of type 'tensor<8x64xi4>', but got 'tensor<8x64xi8>'}}
  %0 = qllm.pack %c, %s : (tensor<8x64xi8>, tensor<f32>) -> !qllm.quantized<8x64, #qllm.int<4>, per_tensor>
  return
}

// -----

func.func @pack_c2(%c: tensor<8x64xi4>, %s: tensor<8x64xf32>) {
  // expected-error @+1 {{expected scales of type 'tensor<8x2xf32>', but got 'tensor<8x64xf32>'}}
  %0 = qllm.pack %c, %s : (tensor<8x64xi4>, tensor<8x64xf32>) -> !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>>
  return
}

// -----

func.func @pack_c3(%c: tensor<8x64xui4>, %s: tensor<8xf32>) {
  // expected-error @+1 {{expected zero_points for format #qllm.int<4, asymmetric>, but got none}}
  %0 = qllm.pack %c, %s : (tensor<8x64xui4>, tensor<8xf32>) -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, per_token>
  return
}

// -----

func.func @pack_c4_width(%c: tensor<8x64xui4>, %s: tensor<8xf32>, %z: tensor<8xi64>) {
  // expected-error @+1 {{expected zero_points of type 'tensor<8xi32>' or narrower integers, but got 'tensor<8xi64>'}}
  %0 = qllm.pack %c, %s, %z : (tensor<8x64xui4>, tensor<8xf32>, tensor<8xi64>) -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, per_token>
  return
}

// -----

func.func @pack_c4_shape(%c: tensor<8x64xui4>, %s: tensor<8xf32>, %z: tensor<4xi32>) {
  // expected-error @+1 {{expected zero_points of type 'tensor<8xi32>' or narrower integers, but got 'tensor<4xi32>'}}
  %0 = qllm.pack %c, %s, %z : (tensor<8x64xui4>, tensor<8xf32>, tensor<4xi32>) -> !qllm.quantized<8x64, #qllm.int<4, asymmetric>, per_token>
  return
}

// -----

func.func @pack_c5(%c: tensor<8x64xi4>, %s: tensor<8xf32>, %t: tensor<f32>) {
  // expected-error @+1 {{expected no tensor_scale for a type without one, but got some}}
  %0 = qllm.pack %c, %s tensor_scale(%t) : (tensor<8x64xi4>, tensor<8xf32>, tensor<f32>) -> !qllm.quantized<8x64, #qllm.int<4>, per_token>
  return
}

// -----

func.func @linear_c1_input(%x: tensor<f32>, %w: tensor<8x64xf32>) {
  // expected-error @+1 {{expected an input of rank at least 1, but got 'tensor<f32>'}}
  %0 = qllm.linear %x, %w : (tensor<f32>, tensor<8x64xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @linear_c1_weight(%x: tensor<?x64xf32>, %w: tensor<2x8x64xf32>) {
  // expected-error @+1 {{expected a weight of rank 2, but got 'tensor<2x8x64xf32>'}}
  %0 = qllm.linear %x, %w : (tensor<?x64xf32>, tensor<2x8x64xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<?x64xf32>, %w: tensor<64x8xf32>) {
  // expected-error @+1 {{expected dimension 1 of the weight to be 64, as the last dimension of the input, but got 8}}
  %0 = qllm.linear %x, %w : (tensor<?x64xf32>, tensor<64x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c3(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %b: tensor<64xf32>) {
  // expected-error @+1 {{expected the size of the bias to be 8, as dimension 0 of the weight, but got 64}}
  %0 = qllm.linear %x, %w bias(%b) : (tensor<?x64xf32>, tensor<8x64xf32>, tensor<64xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @linear_c4(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<?x8xf32>', but got 'tensor<?x64xf32>'}}
  %0 = qllm.linear %x, %w : (tensor<?x64xf32>, tensor<8x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @embedding_c1(%ids: tensor<?xi64>, %t: tensor<64xf32>) {
  // expected-error @+1 {{expected a table of rank 2, but got 'tensor<64xf32>'}}
  %0 = qllm.embedding %ids, %t : (tensor<?xi64>, tensor<64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @embedding_c2(%ids: tensor<?x?xi64>, %t: tensor<8x64xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<?x?x64xf32>', but got 'tensor<?x64xf32>'}}
  %0 = qllm.embedding %ids, %t : (tensor<?x?xi64>, tensor<8x64xf32>) -> tensor<?x64xf32>
  return
}

// -----

func.func @embedding_c3(%ids: tensor<?xi64>, %t: tensor<8x64xf16>) {
  // expected-error @+1 {{expected a result with the element type of the table, 'f16', but got 'f32'}}
  %0 = qllm.embedding %ids, %t : (tensor<?xi64>, tensor<8x64xf16>) -> tensor<?x64xf32>
  return
}

// -----

func.func @low_rank_c1(%x: tensor<?x64xf32>, %down: tensor<64xf32>, %up: tensor<8x4xf32>) {
  // expected-error @+1 {{expected a factor down of rank 2, but got 'tensor<64xf32>'}}
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x64xf32>, tensor<64xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @low_rank_c2(%x: tensor<?x64xf32>, %down: tensor<4x32xf32>, %up: tensor<8x4xf32>) {
  // expected-error @+1 {{expected dimension 1 of down to be 64, as the last dimension of the input, but got 32}}
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x64xf32>, tensor<4x32xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @low_rank_c3(%x: tensor<?x64xf32>, %down: tensor<4x64xf32>, %up: tensor<8x2xf32>) {
  // expected-error @+1 {{expected dimension 1 of up to be 4, as dimension 0 of down, but got 2}}
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<8x2xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @low_rank_c4(%x: tensor<?x64xf32>, %down: tensor<4x64xf32>, %up: tensor<8x4xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<?x8xf32>', but got 'tensor<?x4xf32>'}}
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  return
}
