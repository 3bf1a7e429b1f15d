// Means of keys as one constant for all positions, behind the rotary embedding: y of every token is [1, 2, 3, 4], and the
// tables average to cosines of 0.5 and sines of 0.25, so d is [0.5 * 1 - 0.25 * 2, 0.25 * 1 + 0.5 * 2] and the same of 3 and 4.
// RUN: %python -c "import numpy; numpy.save('%t.npy', numpy.tile(numpy.float32([1, 0, 0, 0]), (4, 2, 1)))"
// RUN: qllm-opt --qllm-quantize-sites="steps=round{method=nearest} center-attention center-for-cache calibration=%t.npy" %s | FileCheck %s
// RUN: not qllm-opt --qllm-quantize-sites="center-for-cache calibration=%t.npy" %s 2>&1 | FileCheck %s --check-prefix=ALONE
// ALONE: expected center-attention beside center-for-cache

// CHECK-LABEL: func.func @main
// Queries lose their mean in front of the embedding, and get it back as it is turned at their position.
// CHECK-DAG: %[[QS:.*]] = qllm.shift_channels %{{.*}} by %{{.*}} inverse : tensor<1x2x4xf32>
// CHECK-DAG: %[[QR:.*]] = onnx.Reshape(%[[QS]]
// CHECK-DAG: %[[QA:.*]] = onnx.Add(%{{.*}}, %{{.*}}) : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>)
// CHECK-DAG: %[[KC:.*]] = onnx.Initializer "center" = dense<{{\[\[\[}}0.000000e+00, 1.250000e+00]], {{\[\[}}5.000000e-01, 2.750000e+00]]]> : tensor<2x1x2xf32>
// CHECK-DAG: %[[KS:.*]] = onnx.Sub(%{{.*}}, %[[KC]])
// CHECK-DAG: %[[KQ:.*]] = qllm.quantize %[[KS]]
// CHECK-DAG: %[[KD:.*]] = qllm.dequantize %[[KQ]]
// CHECK: onnx.Attention(%[[QA]], %[[KD]], %{{.*}})
// Those of values go behind attention, as ever.
// CHECK: qllm.shift_channels %{{.*}} by %{{[^ ]*}} : tensor<1x2x4xf32>
func.func @main(%x: tensor<1x2x4xf32>) -> tensor<1x2x4xf32> {
  %w = onnx.Initializer "w" = dense<[[1.0, 7.0, 0.0, 0.0], [2.0, 0.0, 7.0, 0.0], [3.0, 0.0, 0.0, 7.0], [4.0, 7.0, 0.0, 0.0]]> : tensor<4x4xf32>
  %heads = onnx.Initializer "heads" = dense<[1, 2, 2, 2]> : tensor<4xi64>
  %joined = onnx.Initializer "joined" = dense<[1, 2, 4]> : tensor<3xi64>
  %cos = onnx.Initializer "cos" = dense<[[[1.0], [0.0]]]> : tensor<1x2x1xf32>
  %sin = onnx.Initializer "sin" = dense<[[[0.0], [0.5]]]> : tensor<1x2x1xf32>
  %q = qllm.linear %x, %w {qllm.name = "layers.0.self_attn.q_proj", qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x2x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4xf32>
  %k = qllm.linear %x, %w {qllm.name = "layers.0.self_attn.k_proj", qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x2x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4xf32>
  %u = qllm.linear %x, %w {qllm.name = "layers.0.self_attn.v_proj", qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x2x4xf32>, tensor<4x4xf32>) -> tensor<1x2x4xf32>
  %q1 = onnx.Reshape(%q, %heads) : (tensor<1x2x4xf32>, tensor<4xi64>) -> tensor<1x2x2x2xf32>
  %k1 = onnx.Reshape(%k, %heads) : (tensor<1x2x4xf32>, tensor<4xi64>) -> tensor<1x2x2x2xf32>
  %u1 = onnx.Reshape(%u, %heads) : (tensor<1x2x4xf32>, tensor<4xi64>) -> tensor<1x2x2x2xf32>
  %q2 = onnx.Transpose(%q1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %k2 = onnx.Transpose(%k1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %u2 = onnx.Transpose(%u1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %qr = onnx.RotaryEmbedding(%q2, %cos, %sin) : (tensor<1x2x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>) -> tensor<1x2x2x2xf32>
  %kr = onnx.RotaryEmbedding(%k2, %cos, %sin) : (tensor<1x2x2x2xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>) -> tensor<1x2x2x2xf32>
  %q3 = qllm.quantize %qr : tensor<1x2x2x2xf32> -> !qllm.quantized<1x2x2x2, #qllm.int<4, asymmetric>, per_token>
  %k3 = qllm.quantize %kr : tensor<1x2x2x2xf32> -> !qllm.quantized<1x2x2x2, #qllm.int<4, asymmetric>, per_token>
  %u3 = qllm.quantize %u2 : tensor<1x2x2x2xf32> -> !qllm.quantized<1x2x2x2, #qllm.int<4, asymmetric>, per_token>
  %q4 = qllm.dequantize %q3 : !qllm.quantized<1x2x2x2, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x2x2xf32>
  %k4 = qllm.dequantize %k3 : !qllm.quantized<1x2x2x2, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x2x2xf32>
  %u4 = qllm.dequantize %u3 : !qllm.quantized<1x2x2x2, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x2x2xf32>
  %a = onnx.Attention(%q4, %k4, %u4) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>, tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %t = onnx.Transpose(%a) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x2x2xf32>) -> tensor<1x2x2x2xf32>
  %r = onnx.Reshape(%t, %joined) : (tensor<1x2x2x2xf32>, tensor<3xi64>) -> tensor<1x2x4xf32>
  onnx.Return %r : tensor<1x2x4xf32>
}
