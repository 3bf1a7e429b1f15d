// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=mean,round" %s | FileCheck %s

// The first channel has a mean of 3: it goes off in front of the quantizer, and 7 * 3 into a bias.
// CHECK: %[[MU:.*]] = onnx.Initializer "a.map0_shift" = dense<[{{2\.[89]|3\.[01]}}
// CHECK: %[[X1:.*]] = qllm.shift_channels %arg0 by %[[MU]] inverse
// CHECK: %[[Q:.*]] = qllm.quantize %[[X1]]
// CHECK: %[[B:.*]] = onnx.Initializer "a.bias" = dense<[{{20|21|22}}.
// CHECK: qllm.linear %[[Q]], %{{.*}} bias(%[[B]])
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
