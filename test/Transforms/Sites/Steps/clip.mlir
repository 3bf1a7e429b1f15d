// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=clip{ratio=0.75},round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=clip{ratio=0.5 other=0.75 attention-input=0.9},round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=clip{search=0.75},round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=clip{ratio=1},round" %s | FileCheck %s --check-prefix=NONE
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=clip,round" %s 2>&1 | FileCheck %s --check-prefix=NEITHER

// One ratio, the one of the kind of site, the best of a list.
// CHECK: qllm.quantize %arg0 clip 7.500000e-01
// CHECK: qllm.linear {{.*}}qllm.site = {clip = 7.500000e-01 : f64
// NEITHER: step 'clip': expected either ratios or 'search', but got neither
// NONE: qllm.quantize %arg0 :
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
