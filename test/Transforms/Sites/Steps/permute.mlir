// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., (0, 2)] *= 20; numpy.save('%t.npy', x)"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=permute{clusters=2},round" %s | FileCheck %s

// Channels 0 and 2 have the large range: they come together, behind the others, with their columns.
// CHECK: %[[X1:.*]] = qllm.permute_channels %arg0 order [1, 3, 0, 2]
// CHECK: %[[Q:.*]] = qllm.quantize %[[X1]]
// CHECK: qllm.linear %[[Q]], {{.*}}order = array<i64: 1, 3, 0, 2>
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
