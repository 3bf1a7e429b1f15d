// An input channel with large weights gets scales of its own by groups down columns; an output with large weights by groups along rows.
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).normal(0, 1, (64, 8)); x[:, 0] *= 8; np.save('%t.npy', x.astype(np.float32))"
// RUN: qllm-opt --recipe-adadim="weight-bits=3 group-size=4 calibration=%t.npy calibration-windows=64" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-adadim="weight-bits=3 group-size=4 calibration=%t.npy calibration-windows=64" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string
// RUN: not qllm-opt --recipe-adadim="calibration=%t.none" %s 2>&1 | FileCheck %s --check-prefix=MISSING

// PIPELINE: qllm-plan-rounding{{.*}}
// PIPELINE-NEXT: qllm-plan-group-axis{{.*}}criterion=block group-size=4},
// PIPELINE-NEXT: qllm-quantize-weights,
// PIPELINE-NEXT: qllm-quantize-activations
// MISSING: error: calibration: {{.*}}.none

// CHECK-LABEL: func.func @main
// CHECK-DAG: onnx.Initializer "input_codes"
// CHECK-DAG: onnx.Initializer "output_codes"
// CHECK-DAG: %[[INPUT:.*]] = qllm.pack {{.*}} -> !qllm.quantized<4x8, #qllm.int<3, asymmetric>, group<0, 4>>
// CHECK-DAG: %[[OUTPUT:.*]] = qllm.pack {{.*}} -> !qllm.quantized<4x8, #qllm.int<3, asymmetric>, group<1, 4>>
// CHECK: qllm.linear %[[X:.*]], %[[INPUT]]
// CHECK: qllm.linear %[[X]], %[[OUTPUT]]
func.func @main(%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x4xf32> {onnx.name = "y"}, tensor<1x4xf32> {onnx.name = "z"}) {
  %w = onnx.Initializer "input" = dense<[[9.0, -6.6, 7.2, 8.7], [0.1, 1.2, -0.9, 0.4], [0.5, 0.3, 1.1, -0.8], [-0.7, 0.9, 0.6, 1.3],
                                         [0.8, -0.2, 0.4, -1.0], [-0.3, 0.1, -1.2, 0.5], [0.6, 1.0, 0.2, -0.4], [-0.9, 0.7, 0.3, 0.2]]> : tensor<8x4xf32>
  %v = onnx.Initializer "output" = dense<[[1.0, -0.6, 0.2, 9.7], [0.1, 1.2, -0.9, 8.4], [0.5, 0.3, 1.1, -8.8], [-0.7, 0.9, 0.6, 7.3],
                                          [0.8, -0.2, 0.4, -9.0], [-0.3, 0.1, -1.2, 7.5], [0.6, 1.0, 0.2, -8.4], [-0.9, 0.7, 0.3, 8.2]]> : tensor<8x4xf32>
  %y = onnx.MatMul(%x, %w) : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  %z = onnx.MatMul(%x, %v) : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  onnx.Return %y, %z : tensor<1x4xf32>, tensor<1x4xf32>
}
