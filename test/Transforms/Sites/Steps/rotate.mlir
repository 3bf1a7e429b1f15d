// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 0] *= 20; numpy.save('%t.npy', x)"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=rotate,round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=rotate{signs=false block=2}" %s | FileCheck %s --check-prefix=BLOCK
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=rotate{block=3}" %s 2>&1 | FileCheck %s --check-prefix=ERROR

// Signs, then H4, in front of the quantizer.
// CHECK: %[[X1:.*]] = qllm.scale_channels %arg0 by %{{.*}} inverse
// CHECK: %[[X2:.*]] = qllm.rotate_channels %[[X1]] {{.*}}
// CHECK: %[[Q:.*]] = qllm.quantize %[[X2]]
// CHECK: qllm.linear %[[Q]], {{.*}}transform = "rotate"
// BLOCK-NOT: scale_channels
// BLOCK: qllm.rotate_channels %arg0
// ERROR: step 'rotate' at site 'a': expected blocks that divide the 4 channels and have a Hadamard matrix (4, 2, 1), but got blocks of 3
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
