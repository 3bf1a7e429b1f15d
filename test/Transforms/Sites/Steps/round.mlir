// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method=nearest}" %s | FileCheck %s --check-prefix=NEAREST
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method=gptq}" %s | FileCheck %s --check-prefix=GPTQ
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method=gptq act-order=false block=1}" %s | FileCheck %s --check-prefix=GPTQ

// Channels 1 and 2 are always equal. Nearest rounds both halves to 0 and loses them; GPTQ learns at the second
// one what the first has lost.
// NEAREST: w_codes: "0x4000000007009120"
// GPTQ: w_codes: "0x4000000007019120"
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
