// RUN: %python -c "import numpy; x = numpy.full((6, 5, 4), 1, dtype='float32'); x[:, 0] = 901; numpy.save('%t.npy', x)"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=mean,round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=mean,round sink-factor=0" %s | FileCheck %s --check-prefix=ALL
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=mean,round sink-factor=1000" %s | FileCheck %s --check-prefix=ALL

// The first of five tokens is 901 times as large as the others: an attention sink, unless the factor says otherwise.
// CHECK: onnx.Initializer "a.map0_shift" = dense<1.000000e+00>
// ALL: onnx.Initializer "a.map0_shift" = dense<1.810000e+02>
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
