// Inputs and weights in symmetric groups, with a float branch.
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).normal(0, 1, (64, 8)); x[:, 0] *= 8; np.save('%t.npy', x.astype(np.float32))"
// RUN: qllm-opt --recipe-svdquant="rank=2 group-size=4 activation-group-size=4 grid=4 calibration=%t.npy calibration-windows=64" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-svdquant="rank=2 group-size=4 activation-group-size=4 grid=4 calibration=%t.npy calibration-windows=64" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string
// RUN: not qllm-opt --recipe-svdquant="calibration=%t.none" %s 2>&1 | FileCheck %s --check-prefix=MISSING

// PIPELINE: qllm-plan-rounding{{.*}}
// PIPELINE-NEXT: qllm-quantize-activations{clip={{.*}} sites=attention},
// PIPELINE-NEXT: qllm-quantize-sites{{.*}} steps=scale{grid=4 rank=2},low-rank{method=svd rank=2 bits=16 iterations=100}
// PIPELINE: qllm-fold-channel-transforms
// MISSING: error: calibration: {{.*}}.none

// CHECK-LABEL: func.func @main
// CHECK-DAG: qllm.pack {{.*}} -> !qllm.quantized<4x8, #qllm.int<4>, group<1, 4>>
// CHECK-DAG: qllm.quantize {{.*}} -> !qllm.quantized<1x8, #qllm.int<4>, group<1, 4>>
// CHECK: qllm.low_rank
func.func @main(%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x4xf32> {onnx.name = "y"}) {
  %w = onnx.Initializer "w" = dense<[[1.0, -0.6, 0.2, 0.7], [0.1, 1.2, -0.9, 0.4], [0.5, 0.3, 1.1, -0.8], [-0.7, 0.9, 0.6, 1.3],
                                     [0.8, -0.2, 0.4, -1.0], [-0.3, 0.1, -1.2, 0.5], [0.6, 1.0, 0.2, -0.4], [-0.9, 0.7, 0.3, 0.2]]> : tensor<8x4xf32>
  %y = onnx.MatMul(%x, %w) : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  onnx.Return %y : tensor<1x4xf32>
}
