// The recipe as a pipeline, its canonical string, which gives the same result, and a run beside the float model.
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).normal(0, 1, (64, 8)); x[:, 0] *= 8; np.save('%t.npy', x.astype(np.float32))"
// RUN: qllm-opt --recipe-smoothquant="weight-bits=8 activation-bits=8 calibration=%t.npy calibration-windows=64" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-smoothquant="weight-bits=8 activation-bits=8 calibration=%t.npy calibration-windows=64" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):s.index(chr(10) + ')') + 2]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string
// RUN: qllm-translate --run %s --input=x=%t.npy --output=%t.float.npz
// RUN: qllm-translate --run %t.recipe --input=x=%t.npy --output=%t.rounded.npz
// RUN: %python -c "import numpy as np; a, b = (np.load('%t.' + n + '.npz')['y'] for n in ('float', 'rounded')); e = np.square(a - b).sum() / np.square(a).sum(); print(e); assert 0 < e < 0.01"

// PIPELINE: qllm-plan-rounding{{.*}},
// PIPELINE-NEXT: qllm-smooth{alpha=5.{{.*}} search=none{{.*}}},
// PIPELINE-NEXT: qllm-quantize-weights,
// PIPELINE-NEXT: qllm-quantize-activations

// Scales are gone: into the gain of the norm, a constant, and into rows of up before they were rounded.
// CHECK-LABEL: func.func @main
// CHECK: qllm.scale_channels %{{.*}} inverse : tensor<8xf32>
// CHECK-NOT: qllm.scale_channels
// CHECK: qllm.quantize
func.func @main(%x: tensor<?x8xf32> {onnx.name = "x"}) -> (tensor<?x4xf32> {onnx.name = "y"}) {
  %g = onnx.Initializer "g" = dense<[1.0, 0.5, 2.0, 1.5, 1.0, 0.25, 1.0, 3.0]> : tensor<8xf32>
  %u = onnx.Initializer "u" = dense<[[1.0, -0.6, 0.2, 0.7], [0.1, 1.2, -0.9, 0.4], [0.5, 0.3, 1.1, -0.8], [-0.7, 0.9, 0.6, 1.3],
                                     [0.8, -0.2, 0.4, -1.0], [-0.3, 0.1, -1.2, 0.5], [0.6, 1.0, 0.2, -0.4], [-0.9, 0.7, 0.3, 0.2]]> : tensor<8x4xf32>
  %v = onnx.Initializer "v" = dense<[[0.3, 0.6, -0.2, 0.9], [1.1, 0.2, 0.9, -0.4], [0.5, -0.3, 0.1, 0.8], [0.7, 0.4, -0.6, 0.3],
                                     [-0.8, 0.2, 1.4, 0.1], [0.3, -1.1, 0.2, 0.5], [0.6, 0.1, -0.2, 1.4], [0.9, 0.7, 0.3, -0.2]]> : tensor<8x4xf32>
  %d = onnx.Initializer "d" = dense<[[1.0, -0.6, 0.2, 0.7], [0.1, 1.2, -0.9, 0.4], [0.5, 0.3, 1.1, -0.8], [-0.7, 0.9, 0.6, 1.3]]> : tensor<4x4xf32>
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64} : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  %a = onnx.MatMul(%n, %u) {onnx.node_name = "layers.0.gate_proj"} : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %s = onnx.Sigmoid(%a) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = onnx.Mul(%a, %s) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %b = onnx.MatMul(%n, %v) {onnx.node_name = "layers.0.up_proj"} : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %m = onnx.Mul(%h, %b) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  %y = onnx.MatMul(%m, %d) {onnx.node_name = "layers.0.down_proj"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  onnx.Return %y : tensor<?x4xf32>
}
