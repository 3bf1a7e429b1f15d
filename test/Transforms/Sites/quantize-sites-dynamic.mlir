// RUN: %python -c "import numpy; numpy.save('%t.npy', numpy.random.default_rng(0).standard_normal((3, 4), dtype='float32'))"
// RUN: qllm-opt --qllm-quantize-sites="steps=mean,round calibration=%t.npy" %s | FileCheck %s

// A type that leaves the number of channels open gets it from the weight.
// CHECK-LABEL: func.func @main
func.func @main(%x: tensor<1x?xf32>) -> tensor<1x2xf32> {
  // CHECK: %[[X:.*]] = onnx.Identity(%arg0) : (tensor<1x?xf32>) -> tensor<1x4xf32>
  // CHECK: qllm.shift_channels %[[X]]
  // CHECK: qllm.quantize %{{.*}} : tensor<1x4xf32> -> !qllm.quantized<1x4, #qllm.int<8>, per_token>
  %w = onnx.Initializer "w" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0.0, 1.0]]> : tensor<2x4xf32>
  %y = qllm.linear %x, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<1x?, #qllm.int<8>, per_token>], weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  onnx.Return %y : tensor<1x2xf32>
}
