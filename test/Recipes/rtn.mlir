// The recipe as a pipeline, and its canonical string, which gives the same result.
// RUN: qllm-opt --recipe-rtn="weight-bits=4 activation-bits=8" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-rtn="weight-bits=4 activation-bits=8" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string

// PIPELINE: convert-onnx-to-qllm,
// PIPELINE-NEXT: qllm-plan-rounding{activation-bits=8 {{.*}}weight-bits=4 weight-format=int},
// PIPELINE-NEXT: qllm-quantize-weights,
// PIPELINE-NEXT: qllm-quantize-activations

// CHECK-LABEL: func.func @layer
func.func @layer(%x: tensor<?x4xf32>) -> tensor<?x2xf32> {
  // CHECK-DAG: %[[W:.*]] = qllm.pack {{.*}} -> !qllm.quantized<2x4, #qllm.int<4, asymmetric>, per_channel<0>>
  // CHECK-DAG: %[[Q:.*]] = qllm.quantize
  // CHECK: qllm.linear %[[Q]], %[[W]]
  %w = onnx.Initializer "w" = dense<[[7.0, 0.0], [-7.0, 3.5], [1.0, 0.0], [0.0, 1.0]]> : tensor<4x2xf32>
  %y = onnx.MatMul(%x, %w) : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y : tensor<?x2xf32>
}
