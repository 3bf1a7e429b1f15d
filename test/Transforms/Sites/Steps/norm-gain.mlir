// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round,norm-gain" %s | FileCheck %s
// RUN: sed s/gate_proj/o_proj/ %s > %t.mlir
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=round,norm-gain" %t.mlir | FileCheck %s --check-prefix=NONE
// RUN: not qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=norm-gain" %s 2>&1 | FileCheck %s --check-prefix=EARLY

// Behind a norm the gains become a scale in front of the quantizer; other sites have no gains.
// CHECK: %[[S:.*]] = onnx.Initializer "{{.*}}map0_scale"
// CHECK: %[[X:.*]] = qllm.scale_channels %arg0 by %[[S]] inverse
// CHECK: qllm.quantize %[[X]]
// NONE-NOT: scale_channels
// EARLY: error: {{.*}}to be rounded before norm-gain, but they are not
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "model.layers.0.mlp.gate_proj", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
