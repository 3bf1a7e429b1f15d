// Queries, keys and values, in the operator and around a softmax.
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 kv-bits=8" --split-input-file %s 2>/dev/null | FileCheck %s
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 kv-bits=8" --qllm-quantize-activations --split-input-file %s 2>/dev/null | FileCheck %s --check-prefix=APPLY

// Keys are quantized in front of the transpose, where a head's channels still lie side by side.
// CHECK-LABEL: func.func @decomposed
// APPLY-LABEL: func.func @decomposed
func.func @decomposed(%q: tensor<1x2x?x4xf32>, %k: tensor<1x2x?x4xf32>, %v: tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32> {
  %scale = onnx.Initializer "scale" = dense<0.5> : tensor<f32>
  // CHECK: onnx.Transpose{{.*}}operands = [!qllm.quantized<1x2x?x4, #qllm.int<8, asymmetric>, per_token>]
  // CHECK: onnx.MatMul{{.*}}operands = [!qllm.quantized<1x2x?x4, #qllm.int<8, asymmetric>, per_token>]
  // CHECK: onnx.MatMul{{.*}}operands = [unit, !qllm.quantized<1x2x?x4, #qllm.int<8, asymmetric>, per_token>]
  // APPLY-DAG: %[[KQ:.*]] = qllm.quantize %arg1
  // APPLY-DAG: %[[K:.*]] = qllm.dequantize %[[KQ]]
  // APPLY-DAG: %[[QQ:.*]] = qllm.quantize %arg0
  // APPLY-DAG: %[[Q:.*]] = qllm.dequantize %[[QQ]]
  // APPLY-DAG: %[[VQ:.*]] = qllm.quantize %arg2
  // APPLY-DAG: %[[V:.*]] = qllm.dequantize %[[VQ]]
  // APPLY: %[[T:.*]] = onnx.Transpose(%[[K]])
  // APPLY: onnx.MatMul(%[[Q]], %[[T]])
  // APPLY: onnx.MatMul(%{{.*}}, %[[V]])
  %t = onnx.Transpose(%k) {perm = array<i64: 0, 1, 3, 2>} : (tensor<1x2x?x4xf32>) -> tensor<1x2x4x?xf32>
  %s = onnx.MatMul(%q, %t) : (tensor<1x2x?x4xf32>, tensor<1x2x4x?xf32>) -> tensor<1x2x?x?xf32>
  %m = onnx.Mul(%s, %scale) : (tensor<1x2x?x?xf32>, tensor<f32>) -> tensor<1x2x?x?xf32>
  %p = onnx.Softmax(%m) {axis = -1 : i64} : (tensor<1x2x?x?xf32>) -> tensor<1x2x?x?xf32>
  %y = onnx.MatMul(%p, %v) : (tensor<1x2x?x?xf32>, tensor<1x2x?x4xf32>) -> tensor<1x2x?x4xf32>
  onnx.Return %y : tensor<1x2x?x4xf32>
}

// -----

// The operator with heads side by side: a head is a group of the last axis.
// CHECK-LABEL: func.func @operator
func.func @operator(%q: tensor<1x?x8xf32>, %k: tensor<1x?x4xf32>, %v: tensor<1x?x4xf32>) -> tensor<1x?x8xf32> {
  // CHECK: onnx.Attention
  // CHECK-SAME: operands = [!qllm.quantized<1x?x8, #qllm.int<8, asymmetric>, group<2, 4>>, !qllm.quantized<1x?x4, #qllm.int<8, asymmetric>, per_token>, !qllm.quantized<1x?x4, #qllm.int<8, asymmetric>, per_token>]
  %y = onnx.Attention(%q, %k, %v) {q_num_heads = 2 : i64, kv_num_heads = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>, resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x?x8xf32>, tensor<1x?x4xf32>, tensor<1x?x4xf32>) -> tensor<1x?x8xf32>
  onnx.Return %y : tensor<1x?x8xf32>
}

// -----

// A softmax that is no attention (a classifier's) is none.
// CHECK-LABEL: func.func @classifier
func.func @classifier(%x: tensor<1x4xf32>) -> tensor<1x4xf32> {
  // CHECK-NOT: qllm.plan
  %p = onnx.Softmax(%x) {axis = -1 : i64} : (tensor<1x4xf32>) -> tensor<1x4xf32>
  onnx.Return %p : tensor<1x4xf32>
}
