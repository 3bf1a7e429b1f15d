// The recipe as a pipeline, and its canonical string, which gives the same result.
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).normal(size=(4, 16, 8)).astype(np.float32); x[..., 5] *= 12; np.save('%t.npy', x)"
// RUN: qllm-opt --recipe-qllm="weight-bits=4 activation-bits=4 ratio=0.5 calibration=%t.npy" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-qllm="weight-bits=4 activation-bits=4 ratio=0.5 calibration=%t.npy" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string

// The variants: corrections in closed form, and copies by a budget.
// RUN: qllm-opt --recipe-qllm="weight-bits=4 activation-bits=4 ratio=0.5 calibration=%t.npy correction=branch rank=2" %s | FileCheck %s --check-prefix=BRANCH
// RUN: qllm-opt --recipe-qllm="weight-bits=4 activation-bits=4 ratio=0.5 calibration=%t.npy correction=fused rank=2" %s | FileCheck %s --check-prefix=FUSED
// RUN: qllm-opt --recipe-qllm="weight-bits=4 activation-bits=4 reassembly=split budget=0.5 calibration=%t.npy" %s | FileCheck %s --check-prefix=SPLIT
// RUN: qllm-opt --recipe-qllm="weight-bits=4 activation-bits=4 reassembly=split budget=0.25 merge=optimal offsets=false calibration=%t.npy" %s | FileCheck %s --check-prefix=MERGE
// RUN: not qllm-opt --recipe-qllm="weight-bits=4 reassembly=splitting" %s 2>&1 | FileCheck %s --check-prefix=WORD

// PIPELINE: qllm-plan-rounding{activation-bits=4 {{.*}}weight-bits=4 weight-format=int},
// PIPELINE-NEXT: qllm-plan-reassembly{calibration={{.*}} ratio={{.*}} search-windows=1 seed=0
// PIPELINE-NEXT: qllm-apply-reassembly,
// PIPELINE-NEXT: qllm-quantize-weights,
// PIPELINE-NEXT: qllm-quantize-activations

// CHECK: %[[S:.*]] = qllm.split_channels
// CHECK: %[[M:.*]] = qllm.merge_channels %[[S]]
// CHECK: %[[Q:.*]] = qllm.quantize %[[M]]
// CHECK: qllm.linear %[[Q]], %{{.*}} : (!qllm.quantized<?x8, {{.*}}>, !qllm.quantized<6x8, #qllm.int<4, asymmetric>, per_channel<0>>)

// BRANCH: qllm.merge_channels
// BRANCH: qllm.low_rank
// FUSED: qllm.merge_channels
// FUSED-NOT: qllm.low_rank

// SPLIT: qllm.split_channels %{{.*}} parts [1, 1, 1, 1, {{[12]}}, {{[45]}}, 1, 1] rounding_offsets
// SPLIT-NOT: merge_channels
// SPLIT: qllm.quantize %{{.*}} rounding_offsets
// SPLIT: !qllm.quantized<6x12, #qllm.int<4, asymmetric>, per_channel<0>>

// MERGE: qllm.merge_channels
// MERGE: qllm.split_channels
// MERGE: !qllm.quantized<6x8, #qllm.int<4, asymmetric>, per_channel<0>>

// WORD: Cannot find option named 'splitting'

func.func @main(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %wg = onnx.Initializer "gate" = dense<[[0.2, 0.5, 0.6, 0.9, 0.5, 0.8, -0.9, -0.1], [0.9, 0.3, 0.8, -0.8, -0.1, -0.5, 0.1, 0.1], [-1.0, -0.6, -0.4, 0.8, 0.5, -0.7, 0.6, -0.7], [0.2, -0.7, -1.0, 0.7, -0.6, -0.6, 1.0, 0.7], [-0.4, 0.9, 0.1, 0.4, -0.6, 0.9, 0.4, 0.9], [0.8, -0.4, -0.3, -0.7, -0.7, -0.9, -0.4, 0.2]]> : tensor<6x8xf32>
  %wu = onnx.Initializer "up" = dense<[[-1.0, 0.4, -0.3, -0.4, 0.6, -0.0, -0.4, -0.0], [0.4, -0.9, 1.0, -1.0, 0.5, 0.7, -1.0, 0.6], [-0.3, 0.2, -1.0, -0.9, -0.6, 0.9, -0.6, 0.5], [0.9, 0.9, -0.3, -0.3, 0.0, 0.6, -0.8, 0.5], [0.6, 0.7, -0.9, 0.9, -0.8, -0.3, 0.2, 0.8], [-0.3, 0.8, 0.1, -0.4, -0.4, -0.6, -0.8, -0.7]]> : tensor<6x8xf32>
  %wd = onnx.Initializer "down" = dense<[[0.4, 1.0, -0.7, -0.9, 1.0, 0.1], [-0.2, -0.5, 0.2, 0.7, -0.1, -0.2], [-0.9, 0.8, -0.9, -0.0, 0.7, -0.7], [0.5, 0.9, 0.3, 0.6, -0.8, -0.1], [-0.7, 0.7, -0.4, -0.1, 1.0, 0.7], [1.0, -0.1, -0.0, 0.5, -0.0, -0.4], [-0.2, -0.7, -0.2, 1.0, 0.9, 0.3], [-0.0, -0.3, -0.8, -0.5, 0.6, 0.7]]> : tensor<8x6xf32>
  %g = qllm.linear %x, %wg {qllm.name = "layers.0.gate_proj"} : (tensor<?x8xf32>, tensor<6x8xf32>) -> tensor<?x6xf32>
  %s = onnx.Sigmoid(%g) : (tensor<?x6xf32>) -> tensor<?x6xf32>
  %u = qllm.linear %x, %wu {qllm.name = "layers.0.up_proj"} : (tensor<?x8xf32>, tensor<6x8xf32>) -> tensor<?x6xf32>
  %h = onnx.Mul(%s, %u) : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x6xf32>
  %d = qllm.linear %h, %wd {qllm.name = "layers.0.down_proj"} : (tensor<?x6xf32>, tensor<8x6xf32>) -> tensor<?x8xf32>
  %y = onnx.Add(%d, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
