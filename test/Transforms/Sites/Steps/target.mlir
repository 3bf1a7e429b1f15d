// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=target{kind=none},round{method=nearest}" %s | FileCheck %s --check-prefix=NEAREST
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round{method=nearest}" %s | FileCheck %s --check-prefix=NEAREST
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=target{kind=local ridge=1e-6},round{method=nearest}" %s | FileCheck %s --check-prefixes=FITTED,CHECK
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=target{kind=reference ridge=1e-6},round{method=nearest}" %s | FileCheck %s --check-prefixes=FITTED,CHECK

// At the first site the float model reads what the quantized one reads, so both targets give one weight; it
// makes up for channels that the rounded input has lost.
// CHECK: qllm.quantize %arg0
// NEAREST: w_codes: "0x4000000007009120"
// FITTED-NOT: w_codes: "0x4000000007009120"
// FITTED: w_codes: "0x
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
