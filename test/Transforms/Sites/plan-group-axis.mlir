// RUN: %python -c "import numpy as np; np.save('%t.npy', np.random.default_rng(1).normal(0, 1, (64, 4)).astype(np.float32))"
// RUN: qllm-opt --qllm-plan-group-axis="group-size=4 calibration=%t.npy calibration-windows=64" %s | FileCheck %s
// RUN: qllm-opt --qllm-plan-group-axis="group-size=4 calibration=%t.npy criterion=layer" --mlir-disable-threading %s | FileCheck %s
// RUN: not qllm-opt --qllm-plan-group-axis="criterion=model" %s 2>&1 | FileCheck %s --check-prefix=CRITERION
// RUN: not qllm-opt --qllm-plan-group-axis="group-size=1" %s 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not qllm-opt --qllm-plan-group-axis %s 2>&1 | FileCheck %s --check-prefix=FILE

// CRITERION: error: expected block or layer as criterion, but got 'model'
// SIZE: error: expected a group-size of at least 2, but got 1
// FILE: error: calibration: {{.+}}

// Only layers with groups along rows are decided about; three outputs have no groups of a power of two; readers of one weight agree.
// CHECK-LABEL: func.func @main
// CHECK: qllm.linear {{.*}}group<0, 2>
// CHECK: qllm.linear {{.*}}group<0, 2>
// CHECK: qllm.linear {{.*}}group<1, 4>
// CHECK: qllm.linear {{.*}}per_channel<0>
func.func @main(%x: tensor<1x4xf32> {onnx.name = "x"})
    -> (tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x3xf32>, tensor<1x2xf32>) {
  %w = onnx.Initializer "w" = dense<[[9.0, 0.1, -0.7, 0.3], [8.0, 0.3, 0.2, -0.6]]> : tensor<2x4xf32>
  %v = onnx.Initializer "v" = dense<[[9.0, 0.1, -0.7, 0.3], [8.0, 0.3, 0.2, -0.6], [7.0, 0.1, 0.2, 0.3]]> : tensor<3x4xf32>
  %a = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<3, asymmetric>, group<1, 4>>}}
      : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %t = onnx.Tanh(%x) : (tensor<1x4xf32>) -> tensor<1x4xf32>
  %b = qllm.linear %t, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<3, asymmetric>, group<1, 4>>}}
      : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %c = qllm.linear %t, %v {qllm.plan = {weight = !qllm.quantized<3x4, #qllm.int<3, asymmetric>, group<1, 4>>}}
      : (tensor<1x4xf32>, tensor<3x4xf32>) -> tensor<1x3xf32>
  %d = qllm.linear %t, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<3, asymmetric>, per_channel<0>>}}
      : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  onnx.Return %a, %b, %c, %d : tensor<1x2xf32>, tensor<1x2xf32>, tensor<1x3xf32>, tensor<1x2xf32>
}
