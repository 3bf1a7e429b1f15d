// The recipe as a pipeline, and its canonical string, which gives the same result.
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).normal(0, 1, (64, 8)); x[:, 0] *= 8; x[:, 3] += 5; np.save('%t.npy', x.astype(np.float32))"
// RUN: qllm-opt --recipe-qllm-plus="calibration=%t.npy calibration-windows=64" %s -o %t.recipe
// RUN: FileCheck %s < %t.recipe
// RUN: qllm-opt --recipe-qllm-plus="calibration=%t.npy calibration-windows=64" --dump-pass-pipeline %s -o /dev/null 2> %t.pipeline
// RUN: FileCheck %s --check-prefix=PIPELINE < %t.pipeline
// RUN: %python -c "import subprocess; s = open('%t.pipeline').read().strip(); s = s[s.index('builtin.module'):]; subprocess.run(['qllm-opt', '--pass-pipeline=' + s, '%s', '-o', '%t.string'], check=True)"
// RUN: cmp %t.recipe %t.string
// RUN: qllm-opt --recipe-qllm-plus="weight-bits=4 activation-bits=8 rotation=false mean=false branch-rank=2 round=nearest target=none refit=false budget=0.25 calibration=%t.npy" --dump-pass-pipeline %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=OPTIONS
// RUN: not qllm-opt --recipe-qllm-plus="weight-bits=4 activation-bits=8 branch-rank=-1 calibration=%t.npy" %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// NEGATIVE: expected an integer from 0 to 1048576 for 'rank', but got '-1'
// RUN: qllm-opt --recipe-qllm-plus="weight-bits=3 activation-bits=16 calibration=%t.npy" --dump-pass-pipeline %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=WEIGHTS
// RUN: qllm-opt --recipe-qllm-plus="scale-search calibration=%t.npy" --dump-pass-pipeline %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=SCALES
// RUN: qllm-opt --recipe-qllm-plus="center-for-cache calibration=%t.npy" --dump-pass-pipeline %s -o /dev/null 2>&1 | FileCheck %s --check-prefix=CACHE
// CACHE: qllm-quantize-sites{{.*}} center-attention=true center-for-cache=true
// RUN: not qllm-opt --recipe-qllm-plus="clip=0:1:2 calibration=%t.npy" %s 2>&1 | FileCheck %s --check-prefix=CLIP

// PIPELINE: qllm-plan-rounding{{.*}}
// PIPELINE-NEXT: qllm-rotate-heads{{.*}}
// PIPELINE-NEXT: qllm-quantize-activations{clip={{.*}} sites=attention},
// PIPELINE-NEXT: qllm-quantize-sites{balance-heads=true {{.*}}center-attention=true {{.*}}steps=mean,search{split=true rotate=true balance=true budget=0.1{{.*}} clip=0.65:1:0.05},target{kind=local},range{method=mse},round{method=gptq},refit}
// OPTIONS-NOT: qllm-rotate-heads
// OPTIONS: steps=search{split=true rotate=false {{.*}}budget=0.25{{.*}} principal-rank=2 factor-bits=8 clip=0.85:1:0.05},target{kind=none},range{method=mse},round{method=nearest}}
// With float inputs there is no mean to take off.
// WEIGHTS: steps=search{
// SCALES: ,round{method=gptq scale-ratios=0.86:0.93:1.07:1.14},refit}
// CLIP: error: step 'search': expected low:high:step or numbers divided by colons, from 0.01 to 2{{.*}} for 'clip', but got '0:1:2'

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[X1:.*]] = qllm.shift_channels %arg0 by
// CHECK-DAG: %[[W:.*]] = qllm.pack {{.*}} #qllm.int<4, asymmetric>, per_channel<0>>
// CHECK-DAG: %[[Q:.*]] = qllm.quantize {{.*}} #qllm.int<4, asymmetric>, per_token>
// CHECK: qllm.linear %[[Q]], %[[W]] bias(%{{.*}}) {{.*}}transform = "{{none|split|rotate}}"
func.func @main(%x: tensor<1x8xf32> {onnx.name = "x"}) -> (tensor<1x4xf32> {onnx.name = "y"}) {
  %w = onnx.Initializer "w" = dense<[[1.0, -0.6, 0.2, 0.7], [0.1, 1.2, -0.9, 0.4], [0.5, 0.3, 1.1, -0.8], [-0.7, 0.9, 0.6, 1.3],
                                     [0.8, -0.2, 0.4, -1.0], [-0.3, 0.1, -1.2, 0.5], [0.6, 1.0, 0.2, -0.4], [-0.9, 0.7, 0.3, 0.2]]> : tensor<8x4xf32>
  %y = onnx.MatMul(%x, %w) : (tensor<1x8xf32>, tensor<8x4xf32>) -> tensor<1x4xf32>
  onnx.Return %y : tensor<1x4xf32>
}
