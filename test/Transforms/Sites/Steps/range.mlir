// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method=nearest}" %s > %t.none
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=range{method=minmax},round{method=nearest}" %s > %t.minmax
// RUN: diff %t.none %t.minmax
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=range,round{method=nearest}" %s > %t.mse
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=range{method=percentile percentile=1},round{method=nearest}" %s > %t.all
// RUN: diff %t.none %t.all
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=range{method=hessian},round{method=nearest}" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=range{method=output},round{method=nearest}" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=range{method=mse ratios=0.5},round{method=nearest}" %s | FileCheck %s

// The whole range is what there is without the step.
// CHECK: w_scales: "0x4
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
