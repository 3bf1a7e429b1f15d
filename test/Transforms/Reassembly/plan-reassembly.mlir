// One threshold for gate and up, compared on the gated product, and one for down, compared on its own
// output. Channel 5 of the input is an outlier. The plan does not depend on the number of threads.
// RUN: %python -c "import numpy as np; x = np.random.default_rng(1).normal(size=(4, 16, 8)).astype(np.float32); x[..., 5] *= 12; np.save('%t.npy', x)"
// RUN: qllm-opt %s -qllm-plan-rounding="weight-bits=4 activation-bits=4" -qllm-plan-reassembly="calibration=%t.npy ratio=0.5 report=true" -o %t.mlir 2> %t.log
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=REPORT < %t.log
// RUN: qllm-opt %s --mlir-disable-threading -qllm-plan-rounding="weight-bits=4 activation-bits=4" -qllm-plan-reassembly="calibration=%t.npy ratio=0.5" | cmp - %t.mlir

// Only down; and nothing where nothing may be added.
// RUN: qllm-opt %s -qllm-plan-rounding="weight-bits=4 activation-bits=4" -qllm-plan-reassembly="calibration=%t.npy ratio=0.5 sites=feed-forward-output" | FileCheck %s --check-prefix=DOWN
// RUN: qllm-opt %s -qllm-plan-rounding="weight-bits=4 activation-bits=4" -qllm-plan-reassembly="calibration=%t.npy ratio=0" | FileCheck %s --check-prefix=NONE
// Without quantized inputs there is nothing to gain.
// RUN: qllm-opt %s -qllm-plan-rounding="weight-bits=4" -qllm-plan-reassembly="calibration=%t.npy ratio=0.5" | FileCheck %s --check-prefix=NONE

// What is planned is applied without data, and merging keeps the width.
// RUN: qllm-opt %t.mlir -qllm-apply-reassembly | FileCheck %s --check-prefix=APPLIED

// REPORT: remark: site 'layers.0.gate_proj+up_proj': threshold {{.*}} adds {{[1-4]}} of 8 channels, loss {{.*}} to {{.*}}, {{[0-9]+}} candidates
// REPORT: remark: site 'layers.0.down_proj':

// CHECK-LABEL: func.func @main
// CHECK: qllm.linear {{.*}}qllm.name = "layers.0.gate_proj"{{.*}}qllm.reassembly = {losses = {{.*}}, parts = array<i64: 1, 1, 1, 1, 1, [[PARTS:.*]]>, targets = {{.*}}, threshold = [[THETA:.*]] : f64}
// CHECK: qllm.linear {{.*}}qllm.name = "layers.0.up_proj"{{.*}}parts = array<i64: 1, 1, 1, 1, 1, [[PARTS]]>{{.*}}threshold = [[THETA]] : f64}
// CHECK: qllm.linear {{.*}}qllm.name = "layers.0.down_proj"{{.*}}qllm.reassembly = 

// DOWN-NOT: gate_proj{{.*}}qllm.reassembly
// DOWN: down_proj{{.*}}qllm.reassembly

// NONE-NOT: qllm.reassembly

// APPLIED: %[[S:.*]] = qllm.split_channels %{{.*}} parts {{.*}} {qllm.threshold
// APPLIED: %[[M:.*]] = qllm.merge_channels %[[S]] targets
// APPLIED: qllm.linear %[[M]], %{{.*}}gate_proj{{.*}} : (tensor<?x8xf32>, tensor<6x8xf32>)
// APPLIED: qllm.linear %[[M]], %{{.*}}up_proj{{.*}} : (tensor<?x8xf32>, tensor<6x8xf32>)

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
