// Printing and parsing give the same module, in the custom and in the generic form, and through bytecode.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -emit-bytecode | qllm-opt | FileCheck %s

// CHECK-LABEL: func.func @weights
func.func @weights() -> tensor<4x3xf32> {
  // CHECK: onnx.Initializer "w" = #onnx.external<"model.data", 128, 48> : tensor<4x3xf32>
  %w = onnx.Initializer "w" = #onnx.external<"model.data", 128, 48> : tensor<4x3xf32>
  // CHECK: onnx.Initializer "half" = #onnx.external<"model.data", 0, 5> : tensor<3x3xi4>
  %h = onnx.Initializer "half" = #onnx.external<"model.data", 0, 5> : tensor<3x3xi4>
  // CHECK: onnx.Initializer "small" = dense<[1, 2]> : tensor<2xi64>
  %s = onnx.Initializer "small" = dense<[1, 2]> : tensor<2xi64>
  onnx.Return %w : tensor<4x3xf32>
}

// CHECK-LABEL: func.func @typed
func.func @typed(%x: tensor<?x8xf32>, %ids: tensor<?xi64>) -> tensor<*xf32> {
  // CHECK: onnx.Gather(%{{.*}}, %{{.*}}) {axis = 0 : i64, onnx.node_name = "embed"} : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %0 = onnx.Gather(%x, %ids) {axis = 0 : i64, onnx.node_name = "embed"} : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  // An optional operand left out in the middle is told by the segment sizes.
  // CHECK: onnx.Clip(%{{.*}}, %{{.*}}) {operandSegmentSizes = array<i32: 1, 0, 1>}
  %max = onnx.Constant() {value_float = 6.0 : f32} : () -> tensor<f32>
  %1 = onnx.Clip(%0, %max) {operandSegmentSizes = array<i32: 1, 0, 1>} : (tensor<?x8xf32>, tensor<f32>) -> tensor<*xf32>
  onnx.Return %1 : tensor<*xf32>
}

// CHECK-LABEL: func.func @opaque
func.func @opaque(%x: tensor<4xf32>, %s: !onnx.seq<tensor<?xi64>>, %o: !onnx.optional<tensor<2xui4>>) -> !onnx.unknown {
  %none = onnx.None : none
  // CHECK: onnx.Custom "com.example" "Twirl"(%{{.*}}, %{{.*}}) {turns = 2 : i64} : (tensor<4xf32>, none) -> !onnx.unknown {
  %y = onnx.Custom "com.example" "Twirl"(%x, %none) {turns = 2 : i64} : (tensor<4xf32>, none) -> !onnx.unknown {
    onnx.Return %x : tensor<4xf32>
  }
  onnx.Return %y : !onnx.unknown
}
