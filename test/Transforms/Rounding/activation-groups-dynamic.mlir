// Groups of an input whose number of channels only the weight knows have to divide that number.
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=4 activation-bits=4 activation-group-size=64" --qllm-quantize-weights --qllm-quantize-activations %s | FileCheck %s

// CHECK: qllm.quantize %{{.*}} -> !qllm.quantized<?x?x?, #qllm.int<4, asymmetric>, group<2, 8>>
// CHECK: qllm.linear
func.func @main(%x: tensor<?x?x?xf32>) -> tensor<?x?x2xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<2x24xf32>
  %y = qllm.linear %x, %w : (tensor<?x?x?xf32>, tensor<2x24xf32>) -> tensor<?x?x2xf32>
  onnx.Return %y : tensor<?x?x2xf32>
}
