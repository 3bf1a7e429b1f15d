// RUN: %python -c "import numpy; r = numpy.random.default_rng(0); numpy.save('%t.npy', r.standard_normal((6, 5, 4), dtype='float32') + numpy.float32([3, 0, -1, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="steps=mean,principal{rank=2},round{method=nearest} calibration=%t.npy" %s | FileCheck %s

// Two layers of one value are one site: they share the mean, the principal part and the quantizer. The
// layer without a plan keeps the float value.
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<1x?x4xf32>) -> (tensor<1x?x2xf32>, tensor<1x?x3xf32>, tensor<1x?x2xf32>) {
  // CHECK-DAG: %[[MEAN:.*]] = onnx.Initializer "a+b.map0_shift"
  // CHECK-DAG: %[[X1:.*]] = qllm.shift_channels %arg0 by %[[MEAN]] inverse
  // CHECK: %[[P:.*]] = qllm.pack {{.*}} -> !qllm.quantized<2x4, #qllm.int<8>, per_channel<0>>
  // CHECK: %[[Z0:.*]] = qllm.linear %[[X1]], %[[P]] {qllm.branch, qllm.name = "a+b.principal"}
  // CHECK: %[[Z:.*]] = qllm.quantize %[[Z0]] : tensor<1x?x2xf32> -> !qllm.quantized<1x?x2, #qllm.int<8>, per_token>
  // CHECK: %[[PF:.*]] = qllm.dequantize %[[P]]
  // CHECK: %[[PT:.*]] = onnx.Transpose(%[[PF]])
  // CHECK: %[[ZP:.*]] = qllm.linear %[[Z]], %[[PT]]
  // CHECK: %[[X2:.*]] = onnx.Sub(%[[X1]], %[[ZP]])
  // CHECK: %[[Q:.*]] = qllm.quantize %[[X2]] : tensor<1x?x4xf32> -> !qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>
  // CHECK: %[[A:.*]] = qllm.pack {{.*}} -> !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>
  // CHECK: %[[YA:.*]] = qllm.linear %[[Q]], %[[A]] bias(%{{.*}}) {qllm.name = "a", qllm.site = {principal_rank = 2 : i64}}
  // CHECK: %[[BA:.*]] = qllm.linear %[[Z]], %{{.*}} {qllm.branch, qllm.name = "a.principal_up"}
  // CHECK: %[[RA:.*]] = onnx.Add(%[[YA]], %[[BA]])
  // CHECK: qllm.linear %[[Q]], %{{.*}} bias(%{{.*}}) {qllm.name = "b"
  // CHECK: %[[RB:.*]] = onnx.Add
  // CHECK: %[[RC:.*]] = qllm.linear %arg0, %{{.*}} {qllm.name = "c"}
  // CHECK: onnx.Return %[[RA]], %[[RB]], %[[RC]]
  %w = onnx.Initializer "w" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0.0, 1.0]]> : tensor<2x4xf32>
  %v = onnx.Initializer "v" = dense<[[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0]]> : tensor<3x4xf32>
  %bias = onnx.Initializer "bias" = dense<[1.0, 2.0, 3.0]> : tensor<3xf32>
  %a = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  %b = qllm.linear %x, %v bias(%bias) {qllm.name = "b", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<3x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<3x4xf32>, tensor<3xf32>) -> tensor<1x?x3xf32>
  %c = qllm.linear %x, %w {qllm.name = "c"} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %a, %b, %c : tensor<1x?x2xf32>, tensor<1x?x3xf32>, tensor<1x?x2xf32>
}
