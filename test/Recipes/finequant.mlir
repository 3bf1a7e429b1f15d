// The recipe as a pipeline, its canonical string, which gives the same result, and a run beside the float model.
// RUN: qllm-opt --recipe-finequant="weight-bits=4 activation-bits=8 smallest=2 shrink=0.8" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-finequant="weight-bits=4 activation-bits=8 smallest=2 shrink=0.8" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string
// RUN: qllm-opt --recipe-finequant="weight-bits=4 symmetric=false scale=f32 granularity=group group-size=2" %s | FileCheck %s --check-prefix=OTHER

// PIPELINE: qllm-plan-rounding{{.*}} scale=f16 symmetric=true
// PIPELINE-NEXT: qllm-plan-group-sizes{shrink=8{{.*}}e-01 smallest=2},
// PIPELINE-NEXT: qllm-quantize-weights,
// PIPELINE-NEXT: qllm-quantize-activations

// Rows with an outlier get groups, rows without keep one scale.
// CHECK-LABEL: func.func @layer
// CHECK-DAG: %[[OUTLIER:.*]] = qllm.pack {{.*}} -> !qllm.quantized<2x4, #qllm.int<4>, group<1, 2>, scale = f16>
// CHECK-DAG: %[[EVEN:.*]] = qllm.pack {{.*}} -> !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>, scale = f16>
// CHECK: qllm.linear %[[Q:.*]], %[[OUTLIER]]
// CHECK: qllm.linear %[[Q]], %[[EVEN]]
// Groups that are asked for stay as they are.
// OTHER: !qllm.quantized<2x4, #qllm.int<4, asymmetric>, group<1, 2>>
// OTHER-NOT: per_channel
func.func @layer(%x: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %w = onnx.Initializer "outlier" = dense<[[7.0, 8.0], [-7.0, 3.5], [1.0, 0.5], [0.0, 1.0]]> : tensor<4x2xf32>
  %v = onnx.Initializer "even" = dense<[[7.0, 3.5], [-7.0, 3.5], [7.0, 0.5], [0.0, 3.0]]> : tensor<4x2xf32>
  %y = onnx.MatMul(%x, %w) : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  %z = onnx.MatMul(%x, %v) : (tensor<?x4xf32>, tensor<4x2xf32>) -> tensor<?x2xf32>
  onnx.Return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}
