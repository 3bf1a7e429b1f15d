// RUN: %python -c "import numpy; x = numpy.random.default_rng(0).standard_normal((6, 5, 4), dtype='float32'); x[..., 2] = x[..., 1]; numpy.save('%t.npy', x + numpy.float32([3, 0, 0, 0]))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=principal{rank=1},round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=principal{budget=0.8},round" %s | FileCheck %s
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=principal{rank=1 bits=16 factor-bits=16},round" %s | FileCheck %s --check-prefix=FLOAT
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy steps=principal{rank=0},round" %s | FileCheck %s --check-prefix=NONE

// 8 bits for z and its factors unless said; a budget of 0.8 * 4 * 2 multiplications pays for one direction.
// CHECK: %[[P:.*]] = qllm.pack {{.*}} -> !qllm.quantized<1x4, #qllm.int<8>, per_channel<0>>
// CHECK: %[[Z0:.*]] = qllm.linear %arg0, %[[P]]
// CHECK: %[[Z:.*]] = qllm.quantize %[[Z0]] : {{.*}} -> !qllm.quantized<1x?x1, #qllm.int<8>, per_token>
// CHECK: onnx.Sub(%arg0, %{{.*}})
// CHECK: qllm.linear %[[Z]], %{{.*}} {qllm.branch, qllm.name = "a.principal_up"}
// FLOAT: %[[P:.*]] = onnx.Initializer "a.principal" = {{.*}} : tensor<1x4xf32>
// FLOAT: %[[Z:.*]] = qllm.linear %arg0, %[[P]]
// FLOAT-NOT: #qllm.int<8
// NONE-NOT: principal
func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -6.3, 0.3, 2.2]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
  onnx.Return %y : tensor<1x?x2xf32>
}
