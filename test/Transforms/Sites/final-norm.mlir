// The norm behind the last site gets the gain and bias that bring it nearest to the float model.
// RUN: %python -c "import numpy as np; np.save('%t.npy', np.random.default_rng(1).normal(size=(4, 16, 4)).astype(np.float32))"
// RUN: qllm-opt %s --qllm-quantize-sites="steps=round calibration=%t.npy final-norm=true" | FileCheck %s
// RUN: qllm-opt %s --qllm-quantize-sites="steps=round calibration=%t.npy" | FileCheck %s --check-prefix=OFF

// It is the only change: rounded weights are the same, and a norm in front of a site is left alone.
// CHECK-LABEL: func.func @main
// CHECK: %[[FIRST:.*]] = onnx.Initializer "first"
// CHECK: onnx.RMSNormalization(%{{.*}}, %[[FIRST]])
// CHECK: qllm.linear
// CHECK: %[[GAIN:.*]] = onnx.Initializer "final_norm_gain" = dense<[{{.*}}]> : tensor<4xf32>
// CHECK: %[[NORM:.*]] = onnx.RMSNormalization(%{{.*}}, %[[GAIN]])
// CHECK: %[[BIAS:.*]] = onnx.Initializer "final_norm_bias" = dense<[{{.*}}]> : tensor<4xf32>
// CHECK: %[[SUM:.*]] = onnx.Add(%[[NORM]], %[[BIAS]])
// CHECK: return %[[SUM]]

// OFF: onnx.Initializer "last"
// OFF-NOT: final_norm
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %first = onnx.Initializer "first" = dense<1.0> : tensor<4xf32>
  %last = onnx.Initializer "last" = dense<2.0> : tensor<4xf32>
  %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -7.0, 0.3, 2.2], [3.0, 1.0, -1.0, 4.0], [0.5, 0.5, 6.0, -2.0]]> : tensor<4x4xf32>
  %n = onnx.RMSNormalization(%x, %first) {axis = -1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %y = qllm.linear %n, %w {qllm.name = "a", qllm.plan = {operands = [!qllm.quantized<?x4, #qllm.int<4, asymmetric>, per_token>],
    weight = !qllm.quantized<4x4, #qllm.int<4>, per_channel<0>>}} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  %h = onnx.Add(%x, %y) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %z = onnx.RMSNormalization(%h, %last) {axis = -1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %z : tensor<?x4xf32>
}
