// RUN: qllm-opt %s | qllm-opt | FileCheck %s

// What is the default is not printed.
// CHECK-LABEL: func.func private @integers
// CHECK-SAME: !qllm.quantized<?x576, #qllm.int<4, asymmetric>, per_token>
// CHECK-SAME: !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>>
// CHECK-SAME: !qllm.quantized<8x64, #qllm.int<2>, per_channel<0>>
// CHECK-SAME: !qllm.quantized<8, #qllm.int<8>, per_tensor>
func.func private @integers(
    !qllm.quantized<?x576, #qllm.int<4, asymmetric>, per_token>,
    !qllm.quantized<8x64, #qllm.int<4, symmetric>, group<1, 32>, scale = f32>,
    !qllm.quantized<8x64, #qllm.int<2>, per_channel<0>>,
    !qllm.quantized<8, #qllm.int<8>, per_tensor>)

// CHECK-LABEL: func.func private @floats
// CHECK-SAME: #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>
// CHECK-SAME: #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
// CHECK-SAME: #qllm.float<e2m3>
// CHECK-SAME: #qllm.float<e3m2>
// CHECK-SAME: #qllm.float<e4m3>, per_token, scale = bf16>
// CHECK-SAME: #qllm.float<e5m2>
func.func private @floats(
    !qllm.quantized<8x64, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>,
    !qllm.quantized<8x64, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>,
    !qllm.quantized<8x64, #qllm.float<e2m3>, per_tensor>,
    !qllm.quantized<8x64, #qllm.float<e3m2>, per_tensor>,
    !qllm.quantized<?x?x64, #qllm.float<e4m3>, per_token, scale = bf16>,
    !qllm.quantized<8x64, #qllm.float<e5m2>, per_tensor>)

// CHECK-LABEL: func.func private @tables
// CHECK-SAME: !qllm.quantized<8x64, #qllm.codebook<nf4>, group<1, 64>, scale = f16>
// CHECK-SAME: !qllm.quantized<8x64, #qllm.ternary, per_tensor>
func.func private @tables(
    !qllm.quantized<8x64, #qllm.codebook<nf4>, group<1, 64>, scale = f16>,
    !qllm.quantized<8x64, #qllm.ternary, per_tensor>)

// A group along a dynamic axis can only be checked when it runs.
// CHECK-LABEL: func.func private @dynamic_group
// CHECK-SAME: !qllm.quantized<8x?, #qllm.int<4>, group<1, 32>>
func.func private @dynamic_group(!qllm.quantized<8x?, #qllm.int<4>, group<1, 32>>)

// As attributes of their own, granularities carry their name.
// CHECK-LABEL: func.func private @attributes
// CHECK-SAME: a = #qllm.granularity<per_tensor>
// CHECK-SAME: b = #qllm.granularity<per_channel<0>>
// CHECK-SAME: c = #qllm.granularity<per_token>
// CHECK-SAME: d = #qllm.granularity<group<1, 64>>
// CHECK-SAME: e = #qllm.int<3>
func.func private @attributes() attributes {
    a = #qllm.granularity<per_tensor>, b = #qllm.granularity<per_channel<0>>,
    c = #qllm.granularity<per_token>, d = #qllm.granularity<group<1, 64>>, e = #qllm.int<3>}

// The parts of a value follow from its type: codes, scales, zero points, tensor scale. `return` names the types,
// so a wrong one does not parse.
// CHECK-LABEL: func.func @integer_parts
func.func @integer_parts(%q: !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>, scale = f16>)
    -> (tensor<8x64xi4>, tensor<8x2xf16>) {
  %c, %s = qllm.unpack %q : !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>, scale = f16>
  return %c, %s : tensor<8x64xi4>, tensor<8x2xf16>
}

// CHECK-LABEL: func.func @asymmetric_parts
func.func @asymmetric_parts(%q: !qllm.quantized<2x?x64, #qllm.int<8, asymmetric>, per_token>)
    -> (tensor<2x?x64xui8>, tensor<2x?xf32>, tensor<2x?xi32>) {
  %c, %s, %z = qllm.unpack %q : !qllm.quantized<2x?x64, #qllm.int<8, asymmetric>, per_token>
  return %c, %s, %z : tensor<2x?x64xui8>, tensor<2x?xf32>, tensor<2x?xi32>
}

// Odd widths take the next element type that files have.
// CHECK-LABEL: func.func @odd_width_parts
func.func @odd_width_parts(%a: !qllm.quantized<8, #qllm.int<3>, per_tensor>, %b: !qllm.quantized<8, #qllm.int<6, asymmetric>, per_tensor>)
    -> (tensor<8xi4>, tensor<8xui8>) {
  %c, %s = qllm.unpack %a : !qllm.quantized<8, #qllm.int<3>, per_tensor>
  %d, %t, %z = qllm.unpack %b : !qllm.quantized<8, #qllm.int<6, asymmetric>, per_tensor>
  return %c, %d : tensor<8xi4>, tensor<8xui8>
}

// CHECK-LABEL: func.func @nvfp4_parts
func.func @nvfp4_parts(%q: !qllm.quantized<8x64, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>)
    -> (tensor<8x64xf4E2M1FN>, tensor<8x4xf8E4M3FN>, tensor<f32>) {
  %c, %s, %t = qllm.unpack %q : !qllm.quantized<8x64, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
  return %c, %s, %t : tensor<8x64xf4E2M1FN>, tensor<8x4xf8E4M3FN>, tensor<f32>
}

// CHECK-LABEL: func.func @mxfp6_parts
func.func @mxfp6_parts(%q: !qllm.quantized<8x64, #qllm.float<e3m2>, group<0, 4>, scale = ue8m0>)
    -> (tensor<8x64xf6E3M2FN>, tensor<2x64xf8E8M0FNU>) {
  %c, %s = qllm.unpack %q : !qllm.quantized<8x64, #qllm.float<e3m2>, group<0, 4>, scale = ue8m0>
  return %c, %s : tensor<8x64xf6E3M2FN>, tensor<2x64xf8E8M0FNU>
}

// CHECK-LABEL: func.func @nf4_parts
func.func @nf4_parts(%q: !qllm.quantized<8x64, #qllm.codebook<nf4>, per_channel<0>>)
    -> (tensor<8x64xui4>, tensor<8xf32>) {
  %c, %s = qllm.unpack %q : !qllm.quantized<8x64, #qllm.codebook<nf4>, per_channel<0>>
  return %c, %s : tensor<8x64xui4>, tensor<8xf32>
}

// CHECK-LABEL: func.func @ternary_parts
func.func @ternary_parts(%q: !qllm.quantized<8x64, #qllm.ternary, per_tensor, scale = bf16>)
    -> (tensor<8x64xi2>, tensor<bf16>) {
  %c, %s = qllm.unpack %q : !qllm.quantized<8x64, #qllm.ternary, per_tensor, scale = bf16>
  return %c, %s : tensor<8x64xi2>, tensor<bf16>
}
