// The distribution's own mlir-opt reads our dialects with the plugin loaded.
// RUN: mlir-opt %s --load-dialect-plugin=%qllm_plugin --load-pass-plugin=%qllm_plugin -canonicalize | FileCheck %s

// CHECK-LABEL: func.func @dead_weight
func.func @dead_weight(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NOT: onnx.Initializer
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4xf32>
  // CHECK: onnx.Relu
  %y = onnx.Relu(%x) : (tensor<4xf32>) -> tensor<4xf32>
  onnx.Return %y : tensor<4xf32>
}
