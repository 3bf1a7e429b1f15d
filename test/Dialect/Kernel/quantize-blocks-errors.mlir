// One case for each constraint of qk.quantize_blocks and qk.tensor_scale, named after it and in the order of the documentation; the steps in
// front have their cases in quantize-errors.mlir.
// RUN: qllm-opt %s -split-input-file -verify-diagnostics

func.func @quantize_blocks_c1_dynamic(%x: tensor<?x?xf16>) {
  // expected-error @+1 {{expected static columns of input and codes, but got 'tensor<?x?xf16>' and 'tensor<?x64xf4E2M1FN>'}}
  %0:2 = qk.quantize_blocks %x : (tensor<?x?xf16>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c1_residual(%x: tensor<?x64xf16>, %r: tensor<?x64xf32>) {
  // expected-error @+1 {{expected a residual of type 'tensor<?x64xf16>', but got 'tensor<?x64xf32>'}}
  %0:2 = qk.quantize_blocks %x residual(%r) : (tensor<?x64xf16>, tensor<?x64xf32>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c2_rows(%x: tensor<7x64xf16>) {
  // expected-error @+1 {{expected codes of type 'tensor<7x64xf4E2M1FN>', but got 'tensor<8x64xf4E2M1FN>'}}
  %0:2 = qk.quantize_blocks %x : (tensor<7x64xf16>) -> tensor<8x64xf4E2M1FN>, tensor<1x1x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c2_columns(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected 64 columns of codes where nothing is gathered, but got 128}}
  %0:2 = qk.quantize_blocks %x : (tensor<?x64xf16>) -> tensor<?x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c3(%x: tensor<?x64xf16>, %w: tensor<32xf16>) {
  // expected-error @+1 {{expected a norm's weight of type 'tensor<64xf16>', but got 'tensor<32xf16>'}}
  %0:2 = qk.quantize_blocks %x norm rms(%w) epsilon 1.0e-5 : (tensor<?x64xf16>, tensor<32xf16>)
      -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c4(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a residual beside a stream, but got none}}
  %0:3 = qk.quantize_blocks %x : (tensor<?x64xf16>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E4M3FN> stream tensor<?x64xf16>
  return
}

// -----

func.func @quantize_blocks_c5(%x: tensor<300x64xf16>) {
  // expected-error @+1 {{expected scales of type 'tensor<3x1x512xf8E8M0FNU>', but got 'tensor<2x1x512xf8E8M0FNU>'}}
  %0:2 = qk.quantize_blocks %x : (tensor<300x64xf16>) -> tensor<300x64xf4E2M1FN>, tensor<2x1x512xf8E8M0FNU>
  return
}

// -----

func.func @quantize_blocks_c6_power(%x: tensor<?x64xf16>, %t: tensor<1xf32>) {
  // expected-error @+1 {{expected a scale of the tensor beside scales of e4m3 only, but got 'tensor<?x1x512xf8E8M0FNU>'}}
  %0:2 = qk.quantize_blocks %x tensor_scale(%t) : (tensor<?x64xf16>, tensor<1xf32>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E8M0FNU>
  return
}

// -----

func.func @quantize_blocks_c6_size(%x: tensor<?x64xf16>, %t: tensor<2xf32>) {
  // expected-error @+1 {{expected a scale of the tensor of type 'tensor<1xf32>', but got 'tensor<2xf32>'}}
  %0:2 = qk.quantize_blocks %x tensor_scale(%t) : (tensor<?x64xf16>, tensor<2xf32>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c7(%x: tensor<?x64xf16>) {
  // expected-error @+1 {{expected a positive finite clip, but got -1.000000e+00 : f32}}
  %0:2 = qk.quantize_blocks %x clip -1.0 : (tensor<?x64xf16>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c8_blocks(%x: tensor<?x72xf16>) {
  // expected-error @+1 {{expected groups of 8, 16, .. or 256 elements that divide rows of 72, but got 16}}
  %0:2 = qk.quantize_blocks %x : (tensor<?x72xf16>) -> tensor<?x72xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>
  return
}

// -----

func.func @quantize_blocks_c8_hadamard(%x: tensor<?x96xf16>) {
  // expected-error @+1 {{expected a Hadamard matrix of 1, 2, 4, .. or 16384 rows that divide rows of 96, but got 64}}
  %0:2 = qk.quantize_blocks %x hadamard 64 : (tensor<?x96xf16>) -> tensor<?x96xf4E2M1FN>, tensor<?x1x512xf8E8M0FNU>
  return
}

// -----

func.func @tensor_scale_c1(%x: tensor<?x?xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected static columns of input and index, but got 'tensor<?x?xf16>'}}
  %0:3 = qk.tensor_scale %x arrivals(%a) : (tensor<?x?xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}

// -----

func.func @tensor_scale_c2(%x: tensor<?x64xf16>, %f: tensor<32xf32>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected factors of type 'tensor<64xf32>', but got 'tensor<32xf32>'}}
  %0:3 = qk.tensor_scale %x multiply(%f) arrivals(%a) : (tensor<?x64xf16>, tensor<32xf32>, tensor<1xi32>)
      -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}

// -----

func.func @tensor_scale_c3(%x: tensor<?x64xf16>, %w: tensor<64xf16>, %b: tensor<64xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected a bias beside norm layer only}}
  %0:3 = qk.tensor_scale %x norm rms(%w, %b) epsilon 1.0e-5 arrivals(%a)
      : (tensor<?x64xf16>, tensor<64xf16>, tensor<64xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}

// -----

func.func @tensor_scale_c4(%x: tensor<?x64xf16>, %g: tensor<?x64xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected a gate without a residual and a norm}}
  %0:3 = qk.tensor_scale %x residual(%g) gate(%g) arrivals(%a) : (tensor<?x64xf16>, tensor<?x64xf16>, tensor<?x64xf16>, tensor<1xi32>)
      -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}

// -----

func.func @tensor_scale_c5_maxima(%x: tensor<7x64xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected largest magnitudes of rows of type 'tensor<7xf32>', but got 'tensor<8xf32>'}}
  %0:3 = qk.tensor_scale %x arrivals(%a) : (tensor<7x64xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<8xf32>, tensor<1xi32>
  return
}

// -----

func.func @tensor_scale_c5_free(%x: tensor<?x64xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected a result of arrivals of type 'tensor<1xi32>', but got 'tensor<2xi32>'}}
  %0:3 = qk.tensor_scale %x arrivals(%a) : (tensor<?x64xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<2xi32>
  return
}

// -----

func.func @tensor_scale_c5_counts(%x: tensor<?x64xf16>, %a: tensor<0xi32>) {
  // expected-error @+1 {{expected arrivals of at least one count, but got 'tensor<0xi32>'}}
  %0:3 = qk.tensor_scale %x arrivals(%a) : (tensor<?x64xf16>, tensor<0xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<0xi32>
  return
}

// -----

func.func @tensor_scale_c6(%x: tensor<?x64xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected a positive finite clip, but got 0.000000e+00 : f32}}
  %0:3 = qk.tensor_scale %x arrivals(%a) clip 0.0 : (tensor<?x64xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}

// -----

func.func @tensor_scale_c7(%x: tensor<?x63xf16>, %a: tensor<1xi32>) {
  // expected-error @+1 {{expected rows of a multiple of 8 elements, at most 32768, but got 63}}
  %0:3 = qk.tensor_scale %x arrivals(%a) : (tensor<?x63xf16>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}
