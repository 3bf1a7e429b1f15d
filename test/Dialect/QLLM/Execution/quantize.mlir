// Codes and parameters of each format, against the formulas of the documentation worked by hand.
// RUN: qllm-translate --run %s

// s = 7 / 7; ties go to the even code.
func.func @symmetric_per_tensor() {
  %x = onnx.Initializer "x" = dense<[[-7.0, 0.5, 1.5, 6.4]]> : tensor<1x4xf32>
  %codes = onnx.Initializer "codes" = dense<[[-7, 0, 2, 6]]> : tensor<1x4xi4>
  %scale = onnx.Initializer "scale" = dense<1.0> : tensor<f32>
  %q = qllm.quantize %x : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.int<4>, per_tensor>
  %c, %s = qllm.unpack %q : !qllm.quantized<1x4, #qllm.int<4>, per_tensor>
  check.expect_eq %c, %codes : tensor<1x4xi4>, tensor<1x4xi4>
  check.expect_eq %s, %scale : tensor<f32>, tensor<f32>
  return
}

// Each token its own range: [0, 15] and [16, 31]. The second does not contain zero, so its zero point lies
// outside the codes.
func.func @asymmetric_per_token() {
  %x = onnx.Initializer "x" = dense<[[0.0, 5.0, 15.0], [16.0, 20.0, 31.0]]> : tensor<2x3xf32>
  %codes = onnx.Initializer "codes" = dense<[[0, 5, 15], [0, 4, 15]]> : tensor<2x3xui4>
  %scales = onnx.Initializer "scales" = dense<[1.0, 1.0]> : tensor<2xf32>
  %zeros = onnx.Initializer "zeros" = dense<[0, -16]> : tensor<2xi32>
  %q = qllm.quantize %x : tensor<2x3xf32> -> !qllm.quantized<2x3, #qllm.int<4, asymmetric>, per_token>
  %c, %s, %z = qllm.unpack %q : !qllm.quantized<2x3, #qllm.int<4, asymmetric>, per_token>
  check.expect_eq %c, %codes : tensor<2x3xui4>, tensor<2x3xui4>
  check.expect_eq %s, %scales : tensor<2xf32>, tensor<2xf32>
  check.expect_eq %z, %zeros : tensor<2xi32>, tensor<2xi32>
  %d = qllm.dequantize %q : !qllm.quantized<2x3, #qllm.int<4, asymmetric>, per_token> -> tensor<2x3xf32>
  check.expect_eq %d, %x : tensor<2x3xf32>, tensor<2x3xf32>
  return
}

// With zero in the range: s = 30 / 15, z = 0; 15 / 2 and 21 / 2 are ties.
func.func @include_zero() {
  %x = onnx.Initializer "x" = dense<[[15.0, 21.0, 30.0]]> : tensor<1x3xf32>
  %codes = onnx.Initializer "codes" = dense<[[8, 10, 15]]> : tensor<1x3xui4>
  %zeros = onnx.Initializer "zeros" = dense<[0]> : tensor<1xi32>
  %q = qllm.quantize %x include_zero : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<4, asymmetric>, per_token>
  %c, %s, %z = qllm.unpack %q : !qllm.quantized<1x3, #qllm.int<4, asymmetric>, per_token>
  check.expect_eq %c, %codes : tensor<1x3xui4>, tensor<1x3xui4>
  check.expect_eq %z, %zeros : tensor<1xi32>, tensor<1xi32>
  return
}

// s = 0.5 * 14 / 7; what lies beyond saturates, below at -8.
func.func @clip_symmetric() {
  %x = onnx.Initializer "x" = dense<[[-14.0, 3.0, 14.0]]> : tensor<1x3xf32>
  %codes = onnx.Initializer "codes" = dense<[[-8, 3, 7]]> : tensor<1x3xi4>
  %scales = onnx.Initializer "scales" = dense<1.0> : tensor<1xf32>
  %q = qllm.quantize %x clip 0.5 : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<4>, per_token>
  %c, %s = qllm.unpack %q : !qllm.quantized<1x3, #qllm.int<4>, per_token>
  check.expect_eq %c, %codes : tensor<1x3xi4>, tensor<1x3xi4>
  check.expect_eq %s, %scales : tensor<1xf32>, tensor<1xf32>
  return
}

// Both ends move: [-10, 20] becomes [-5, 10], s = 15 / 15 and z = 5.
func.func @clip_asymmetric() {
  %x = onnx.Initializer "x" = dense<[[-10.0, 3.0, 20.0]]> : tensor<1x3xf32>
  %codes = onnx.Initializer "codes" = dense<[[0, 8, 15]]> : tensor<1x3xui4>
  %zeros = onnx.Initializer "zeros" = dense<5> : tensor<1xi32>
  %q = qllm.quantize %x clip 0.5 : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<4, asymmetric>, per_token>
  %c, %s, %z = qllm.unpack %q : !qllm.quantized<1x3, #qllm.int<4, asymmetric>, per_token>
  check.expect_eq %c, %codes : tensor<1x3xui4>, tensor<1x3xui4>
  check.expect_eq %z, %zeros : tensor<1xi32>, tensor<1xi32>
  return
}

// Above 1 a power-of-two scale rises: floor(log2 (7 * 1.5)) = 3, so the scale is 2 and 7 does not saturate.
func.func @clip_mxfp4() {
  %x = onnx.Initializer "x" = dense<[[7.0, 2.4, -0.7, 1.0]]> : tensor<1x4xf32>
  %e = onnx.Initializer "e" = dense<[[8.0, 2.0, -1.0, 1.0]]> : tensor<1x4xf32>
  %q = qllm.quantize %x clip 1.5 : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 4>, scale = ue8m0>
  %d = qllm.dequantize %q : !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 4>, scale = ue8m0> -> tensor<1x4xf32>
  check.expect_eq %d, %e : tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// The tensor scale is 0.5 * 5376 / (448 * 6) = 1, and both blocks are clipped like the tensor.
func.func @clip_nvfp4() {
  %x = onnx.Initializer "x" = dense<[[5376.0, 448.0, 12.0, 2.4]]> : tensor<1x4xf32>
  %scales = onnx.Initializer "scales" = dense<[[448.0, 1.0]]> : tensor<1x2xf8E4M3FN>
  %e = onnx.Initializer "e" = dense<[[2688.0, 448.0, 6.0, 2.0]]> : tensor<1x4xf32>
  %one = onnx.Initializer "one" = dense<1.0> : tensor<f32>
  %q = qllm.quantize %x clip 0.5 : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 2>, scale = e4m3, tensor_scale>
  %c, %s, %t = qllm.unpack %q : !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 2>, scale = e4m3, tensor_scale>
  check.expect_eq %s, %scales : tensor<1x2xf8E4M3FN>, tensor<1x2xf8E4M3FN>
  check.expect_eq %t, %one : tensor<f32>, tensor<f32>
  %d = qllm.dequantize %q : !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 2>, scale = e4m3, tensor_scale> -> tensor<1x4xf32>
  check.expect_eq %d, %e : tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// The table ends at 0.5 * 4, and 4 saturates.
func.func @clip_nf4() {
  %x = onnx.Initializer "x" = dense<[[-2.0, 0.0, 4.0]]> : tensor<1x3xf32>
  %e = onnx.Initializer "e" = dense<[[-2.0, 0.0, 2.0]]> : tensor<1x3xf32>
  %q = qllm.quantize %x clip 0.5 : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.codebook<nf4>, per_token>
  %d = qllm.dequantize %q : !qllm.quantized<1x3, #qllm.codebook<nf4>, per_token> -> tensor<1x3xf32>
  check.expect_eq %d, %e : tensor<1x3xf32>, tensor<1x3xf32>
  return
}

// s = 0.5 * mean of 1, 5, 2, 0 = 1; 1 / 2 would have been a tie.
func.func @clip_ternary() {
  %x = onnx.Initializer "x" = dense<[[1.0, -5.0, 2.0, 0.0]]> : tensor<1x4xf32>
  %e = onnx.Initializer "e" = dense<[[1.0, -1.0, 1.0, 0.0]]> : tensor<1x4xf32>
  %q = qllm.quantize %x clip 0.5 : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.ternary, per_tensor>
  %d = qllm.dequantize %q : !qllm.quantized<1x4, #qllm.ternary, per_tensor> -> tensor<1x4xf32>
  check.expect_eq %d, %e : tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// Groups along the first axis: rows 0 and 1 share scales, column by column.
func.func @group_along_the_first_axis() {
  %x = onnx.Initializer "x" = dense<[[7.0, 14.0], [1.0, 2.0], [21.0, 0.0], [3.0, 3.5]]> : tensor<4x2xf32>
  %codes = onnx.Initializer "codes" = dense<[[7, 7], [1, 1], [7, 0], [1, 7]]> : tensor<4x2xi4>
  %scales = onnx.Initializer "scales" = dense<[[1.0, 2.0], [3.0, 0.5]]> : tensor<2x2xf32>
  %q = qllm.quantize %x : tensor<4x2xf32> -> !qllm.quantized<4x2, #qllm.int<4>, group<0, 2>>
  %c, %s = qllm.unpack %q : !qllm.quantized<4x2, #qllm.int<4>, group<0, 2>>
  check.expect_eq %c, %codes : tensor<4x2xi4>, tensor<4x2xi4>
  check.expect_eq %s, %scales : tensor<2x2xf32>, tensor<2x2xf32>
  return
}

// Given parameters; codes outside saturate.
func.func @static_per_channel() {
  %x = onnx.Initializer "x" = dense<[[1.0, 9.0], [-3.0, 100.0]]> : tensor<2x2xf32>
  %s = onnx.Initializer "s" = dense<[0.5, 3.0]> : tensor<2xf32>
  %z = onnx.Initializer "z" = dense<[4, 1]> : tensor<2xi32>
  %codes = onnx.Initializer "codes" = dense<[[6, 4], [0, 15]]> : tensor<2x2xui4>
  %q = qllm.quantize %x scales(%s : tensor<2xf32>) zero_points(%z : tensor<2xi32>)
      : tensor<2x2xf32> -> !qllm.quantized<2x2, #qllm.int<4, asymmetric>, per_channel<1>>
  %c, %s2, %z2 = qllm.unpack %q : !qllm.quantized<2x2, #qllm.int<4, asymmetric>, per_channel<1>>
  check.expect_eq %c, %codes : tensor<2x2xui4>, tensor<2x2xui4>
  return
}

// Given parameters saturate an infinity.
func.func @static_infinity() {
  %x = onnx.Initializer "x" = dense<[[0x7F800000, 1.0, 0xFF800000]]> : tensor<1x3xf32>
  %s = onnx.Initializer "s" = dense<1.0> : tensor<f32>
  %codes = onnx.Initializer "codes" = dense<[[127, 1, -128]]> : tensor<1x3xi8>
  %q = qllm.quantize %x scales(%s : tensor<f32>) : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<8>, per_tensor>
  %c, %s2 = qllm.unpack %q : !qllm.quantized<1x3, #qllm.int<8>, per_tensor>
  check.expect_eq %c, %codes : tensor<1x3xi8>, tensor<1x3xi8>
  return
}

// Three copies of 4/3 each: without offsets they round to 3, with -1/3, 0 and 1/3 to the 4 of the whole channel.
func.func @rounding_offsets() {
  %x = onnx.Initializer "x" = dense<[[4.0]]> : tensor<1x1xf32>
  %s = onnx.Initializer "s" = dense<1.0> : tensor<f32>
  %o = onnx.Initializer "o" = dense<[-0.33333334, 0.0, 0.33333334]> : tensor<3xf32>
  %plain = onnx.Initializer "plain" = dense<[[1, 1, 1]]> : tensor<1x3xi4>
  %offset = onnx.Initializer "offset" = dense<[[1, 1, 2]]> : tensor<1x3xi4>
  %parts = qllm.split_channels %x parts [3] rounding_offsets : tensor<1x1xf32>
  %q = qllm.quantize %parts scales(%s : tensor<f32>) : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<4>, per_tensor>
  %c, %s1 = qllm.unpack %q : !qllm.quantized<1x3, #qllm.int<4>, per_tensor>
  check.expect_eq %c, %plain : tensor<1x3xi4>, tensor<1x3xi4>
  %p = qllm.quantize %parts scales(%s : tensor<f32>) rounding_offsets(%o : tensor<3xf32>)
      : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<4>, per_tensor>
  %d, %s2 = qllm.unpack %p : !qllm.quantized<1x3, #qllm.int<4>, per_tensor>
  check.expect_eq %d, %offset : tensor<1x3xi4>, tensor<1x3xi4>
  return
}

// Six bits: codes to 31, held in i8.
func.func @six_bits() {
  %x = onnx.Initializer "x" = dense<[[-31.0, 30.6, 0.4]]> : tensor<1x3xf32>
  %codes = onnx.Initializer "codes" = dense<[[-31, 31, 0]]> : tensor<1x3xi8>
  %q = qllm.quantize %x : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.int<6>, per_token>
  %c, %s = qllm.unpack %q : !qllm.quantized<1x3, #qllm.int<6>, per_token>
  check.expect_eq %c, %codes : tensor<1x3xi8>, tensor<1x3xi8>
  return
}

// MXFP4: floor(log2 7) = 2 and floor(log2 6) = 2, so the scale is 1 and 7 saturates to 6.
func.func @mxfp4() {
  %x = onnx.Initializer "x" = dense<[[7.0, 2.4, -0.7, 1.0]]> : tensor<1x4xf32>
  %e = onnx.Initializer "e" = dense<[[6.0, 2.0, -0.5, 1.0]]> : tensor<1x4xf32>
  %q = qllm.quantize %x : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 4>, scale = ue8m0>
  %d = qllm.dequantize %q : !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 4>, scale = ue8m0> -> tensor<1x4xf32>
  check.expect_eq %d, %e : tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// NVFP4: t = 2688 / (448 * 6) = 1; the blocks' scales are 448 and 1 in e4m3.
func.func @nvfp4() {
  %x = onnx.Initializer "x" = dense<[[2688.0, 448.0, 6.0, 2.4]]> : tensor<1x4xf32>
  %e = onnx.Initializer "e" = dense<[[2688.0, 448.0, 6.0, 2.0]]> : tensor<1x4xf32>
  %scales = onnx.Initializer "scales" = dense<[[448.0, 1.0]]> : tensor<1x2xf8E4M3FN>
  %one = onnx.Initializer "one" = dense<1.0> : tensor<f32>
  %q = qllm.quantize %x : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 2>, scale = e4m3, tensor_scale>
  %c, %s, %t = qllm.unpack %q : !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 2>, scale = e4m3, tensor_scale>
  check.expect_eq %s, %scales : tensor<1x2xf8E4M3FN>, tensor<1x2xf8E4M3FN>
  check.expect_eq %t, %one : tensor<f32>, tensor<f32>
  %d = qllm.dequantize %q : !qllm.quantized<1x4, #qllm.float<e2m1>, group<1, 2>, scale = e4m3, tensor_scale> -> tensor<1x4xf32>
  check.expect_eq %d, %e : tensor<1x4xf32>, tensor<1x4xf32>
  return
}

// NF4: the largest magnitude is exact, and so is zero.
func.func @nf4() {
  %x = onnx.Initializer "x" = dense<[[-2.0, 0.0, 1.5]]> : tensor<1x3xf32>
  %codes = onnx.Initializer "codes" = dense<[[0, 7, 14]]> : tensor<1x3xui4>
  %e = onnx.Initializer "e" = dense<[[-2.0, 0.0, 1.44591]]> : tensor<1x3xf32>
  %q = qllm.quantize %x : tensor<1x3xf32> -> !qllm.quantized<1x3, #qllm.codebook<nf4>, per_token>
  %c, %s = qllm.unpack %q : !qllm.quantized<1x3, #qllm.codebook<nf4>, per_token>
  check.expect_eq %c, %codes : tensor<1x3xui4>, tensor<1x3xui4>
  %d = qllm.dequantize %q : !qllm.quantized<1x3, #qllm.codebook<nf4>, per_token> -> tensor<1x3xf32>
  check.expect_close %d, %e : tensor<1x3xf32>, tensor<1x3xf32>
  return
}

// Ternary: s = mean of 1, 5, 2, 0 = 2.
func.func @ternary() {
  %x = onnx.Initializer "x" = dense<[[1.0, -5.0, 2.0, 0.0]]> : tensor<1x4xf32>
  %codes = onnx.Initializer "codes" = dense<[[0, -1, 1, 0]]> : tensor<1x4xi2>
  %scale = onnx.Initializer "scale" = dense<2.0> : tensor<f32>
  %q = qllm.quantize %x : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.ternary, per_tensor>
  %c, %s = qllm.unpack %q : !qllm.quantized<1x4, #qllm.ternary, per_tensor>
  check.expect_eq %c, %codes : tensor<1x4xi2>, tensor<1x4xi2>
  check.expect_eq %s, %scale : tensor<f32>, tensor<f32>
  return
}

// Packing takes codes as they are; narrow zero points are widened.
func.func @pack() {
  %codes = onnx.Initializer "codes" = dense<[[0, 15], [8, 3]]> : tensor<2x2xui4>
  %scales = onnx.Initializer "scales" = dense<[[0.5], [2.0]]> : tensor<2x1xf16>
  %zeros = onnx.Initializer "zeros" = dense<[[8], [3]]> : tensor<2x1xui4>
  %e = onnx.Initializer "e" = dense<[[-4.0, 3.5], [10.0, 0.0]]> : tensor<2x2xf32>
  %wide = onnx.Initializer "wide" = dense<[[8], [3]]> : tensor<2x1xi32>
  %q = qllm.pack %codes, %scales, %zeros : (tensor<2x2xui4>, tensor<2x1xf16>, tensor<2x1xui4>)
      -> !qllm.quantized<2x2, #qllm.int<4, asymmetric>, group<1, 2>, scale = f16>
  %d = qllm.dequantize %q : !qllm.quantized<2x2, #qllm.int<4, asymmetric>, group<1, 2>, scale = f16> -> tensor<2x2xf32>
  check.expect_eq %d, %e : tensor<2x2xf32>, tensor<2x2xf32>
  %c, %s, %z = qllm.unpack %q : !qllm.quantized<2x2, #qllm.int<4, asymmetric>, group<1, 2>, scale = f16>
  check.expect_eq %c, %codes : tensor<2x2xui4>, tensor<2x2xui4>
  check.expect_eq %s, %scales : tensor<2x1xf16>, tensor<2x1xf16>
  check.expect_eq %z, %wide : tensor<2x1xi32>, tensor<2x1xi32>
  return
}

// Every token meets the offsets again, with a range of its own: s = 1 and z = 1, then s = 2 and z = 0.
func.func @rounding_offsets_per_token() {
  %x = onnx.Initializer "x" = dense<[[-1.0, 4.0, 14.0], [0.0, 9.0, 30.0]]> : tensor<2x3xf32>
  %o = onnx.Initializer "o" = dense<[0.75, -0.75, 0.75]> : tensor<3xf32>
  %codes = onnx.Initializer "codes" = dense<[[1, 4, 15], [1, 4, 15]]> : tensor<2x3xui4>
  %q = qllm.quantize %x rounding_offsets(%o : tensor<3xf32>)
      : tensor<2x3xf32> -> !qllm.quantized<2x3, #qllm.int<4, asymmetric>, per_token>
  %c, %s, %z = qllm.unpack %q : !qllm.quantized<2x3, #qllm.int<4, asymmetric>, per_token>
  check.expect_eq %c, %codes : tensor<2x3xui4>, tensor<2x3xui4>
  return
}

// Groups down the columns: offsets belong to columns, whatever the order in which groups lie.
func.func @rounding_offsets_down_columns() {
  %x = onnx.Initializer "x" = dense<[[7.0, 7.0], [1.4, 1.4]]> : tensor<2x2xf32>
  %o = onnx.Initializer "o" = dense<[-0.4, 0.4]> : tensor<2xf32>
  %codes = onnx.Initializer "codes" = dense<[[7, 7], [1, 2]]> : tensor<2x2xi4>
  %q = qllm.quantize %x rounding_offsets(%o : tensor<2xf32>)
      : tensor<2x2xf32> -> !qllm.quantized<2x2, #qllm.int<4>, group<0, 2>>
  %c, %s = qllm.unpack %q : !qllm.quantized<2x2, #qllm.int<4>, group<0, 2>>
  check.expect_eq %c, %codes : tensor<2x2xi4>, tensor<2x2xi4>
  return
}
