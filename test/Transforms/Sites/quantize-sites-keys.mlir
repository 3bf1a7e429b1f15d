// Keys are quantized per channel, with ranges of the calibration, in front of what leads to attention; queries and values as before.
// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); numpy.save('%t.npy', x); numpy.save('%t.one.npy', x[:1])"
// RUN: qllm-opt --qllm-quantize-sites="steps=round{method=nearest} key-granularity=channel calibration=%t.npy" %s -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// The module runs, and means of queries and values still come off beside static keys.
// RUN: qllm-translate --run %t.mlir --input=arg0=%t.one.npy --output=%t.out.npz
// RUN: qllm-opt --qllm-quantize-sites="steps=round{method=nearest} key-granularity=channel center-attention calibration=%t.npy" %s 2>&1 | FileCheck %s --check-prefix=CENTER

// CHECK: %[[K:.*]] = qllm.linear %arg0, %{{.*}}qllm.name = "layers.0.self_attn.k_proj"
// CHECK: %[[S:.*]] = onnx.Initializer "key_scales" = dense<{{.*}}> : tensor<4xf32>
// CHECK: %[[Z:.*]] = onnx.Initializer "key_zero_points" = dense<{{.*}}> : tensor<4xi32>
// CHECK: %[[KQ:.*]] = qllm.quantize %[[K]] scales(%[[S]] : tensor<4xf32>) zero_points(%[[Z]] : tensor<4xi32>) : tensor<1x5x4xf32> -> !qllm.quantized<1x5x4, #qllm.int<4, asymmetric>, per_channel<2>>
// CHECK: %[[KD:.*]] = qllm.dequantize %[[KQ]]
// CHECK: %[[KR:.*]] = onnx.Reshape(%[[KD]]
// CHECK: %[[KT:.*]] = onnx.Transpose(%[[KR]])
// CHECK: onnx.Attention(%{{.*}}, %[[KT]], %{{.*}})

// CENTER-NOT: remark
// CENTER-COUNT-2: qllm.shift_channels {{.*}} inverse
// CENTER-NOT: qllm.shift_channels {{.*}} inverse
func.func @main(%x: tensor<1x5x4xf32>) -> tensor<1x5x4xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0.0, 1.0], [1.0, 2.0, 3.0, 4.0], [1.0, 0.0, -2.0, 1.0]]> : tensor<4x4xf32>
  %v = onnx.Initializer "v" = dense<[[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0], [1.0, 1.0, 0.0, 1.0]]> : tensor<4x4xf32>
  %heads = onnx.Initializer "heads" = dense<[1, 5, 2, 2]> : tensor<4xi64>
  %joined = onnx.Initializer "joined" = dense<[1, 5, 4]> : tensor<3xi64>
  %q = qllm.linear %x, %w {qllm.name = "layers.0.self_attn.q_proj", qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x5x4xf32>, tensor<4x4xf32>) -> tensor<1x5x4xf32>
  %k = qllm.linear %x, %v {qllm.name = "layers.0.self_attn.k_proj", qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x5x4xf32>, tensor<4x4xf32>) -> tensor<1x5x4xf32>
  %u = qllm.linear %x, %w {qllm.name = "layers.0.self_attn.v_proj", qllm.plan = {weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x5x4xf32>, tensor<4x4xf32>) -> tensor<1x5x4xf32>
  %q1 = onnx.Reshape(%q, %heads) : (tensor<1x5x4xf32>, tensor<4xi64>) -> tensor<1x5x2x2xf32>
  %k1 = onnx.Reshape(%k, %heads) : (tensor<1x5x4xf32>, tensor<4xi64>) -> tensor<1x5x2x2xf32>
  %u1 = onnx.Reshape(%u, %heads) : (tensor<1x5x4xf32>, tensor<4xi64>) -> tensor<1x5x2x2xf32>
  %q2 = onnx.Transpose(%q1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x2xf32>) -> tensor<1x2x5x2xf32>
  %k2 = onnx.Transpose(%k1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x2xf32>) -> tensor<1x2x5x2xf32>
  %u2 = onnx.Transpose(%u1) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x5x2x2xf32>) -> tensor<1x2x5x2xf32>
  %q3 = qllm.quantize %q2 : tensor<1x2x5x2xf32> -> !qllm.quantized<1x2x5x2, #qllm.int<4, asymmetric>, per_token>
  %k3 = qllm.quantize %k2 : tensor<1x2x5x2xf32> -> !qllm.quantized<1x2x5x2, #qllm.int<4, asymmetric>, per_token>
  %u3 = qllm.quantize %u2 : tensor<1x2x5x2xf32> -> !qllm.quantized<1x2x5x2, #qllm.int<4, asymmetric>, per_token>
  %q4 = qllm.dequantize %q3 : !qllm.quantized<1x2x5x2, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x5x2xf32>
  %k4 = qllm.dequantize %k3 : !qllm.quantized<1x2x5x2, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x5x2xf32>
  %u4 = qllm.dequantize %u3 : !qllm.quantized<1x2x5x2, #qllm.int<4, asymmetric>, per_token> -> tensor<1x2x5x2xf32>
  %a = onnx.Attention(%q4, %k4, %u4) {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x5x2xf32>, tensor<1x2x5x2xf32>, tensor<1x2x5x2xf32>) -> tensor<1x2x5x2xf32>
  %t = onnx.Transpose(%a) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x5x2xf32>) -> tensor<1x5x2x2xf32>
  %r = onnx.Reshape(%t, %joined) : (tensor<1x5x2x2xf32>, tensor<3xi64>) -> tensor<1x5x4xf32>
  onnx.Return %r : tensor<1x5x4xf32>
}
