// Options that cannot be meant fail the pass, and the message says what can.
// RUN: not qllm-opt --qllm-plan-rounding="ignore=lyer" %s 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not qllm-opt --qllm-plan-rounding="weight-bits=9" %s 2>&1 | FileCheck %s --check-prefix=BITS
// RUN: not qllm-opt --qllm-plan-rounding="weight-format=int5x" %s 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not qllm-opt --qllm-plan-rounding="granularity=row" %s 2>&1 | FileCheck %s --check-prefix=GRANULARITY
// RUN: not qllm-opt --qllm-plan-rounding="group-axis=2" %s 2>&1 | FileCheck %s --check-prefix=AXIS
// RUN: not qllm-opt --qllm-plan-rounding="activation-bits=1" %s 2>&1 | FileCheck %s --check-prefix=ACTIVATION
// RUN: not qllm-opt --qllm-plan-rounding="targets=[" %s 2>&1 | FileCheck %s --check-prefix=GLOB
// RUN: qllm-opt --qllm-plan-rounding="granularity=group group-size=6" %s 2>&1 | FileCheck %s --check-prefix=ADAPT
// RUN: qllm-opt --qllm-plan-rounding="granularity=group group-size=6 adapt-groups=false" %s 2>&1 | FileCheck %s --check-prefix=DIVIDE

// PATTERN: error: expected pattern 'lyer' of ignore to match a weight, but it matches none; the nearest name is 'layer'
// BITS: error: expected 2 to 8 bits, or 16 for floats, as weight-bits, but got 9
// FORMAT: error: expected int, e2m1, {{.*}} as weight-format, but got 'int5x'
// GRANULARITY: error: expected tensor, channel or group as granularity, but got 'row'
// AXIS: error: expected 1 (groups of a row) or 0 (of a column) as group-axis, but got 2
// ACTIVATION: error: expected 2 to 8 bits, or 16 for floats, as activation-bits, but got 1
// GLOB: error: pattern '[' of targets
// ADAPT: remark: planned 'layer': group size 6 does not divide 8; taking 4
// DIVIDE: remark: skipped 'layer': group size 6 does not divide 8, but these do: 2, 4, 8
func.func @model(%x: tensor<?x8xf32>) -> tensor<?x4xf32> {
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x8xf32>
  %y = qllm.linear %x, %w {onnx.node_name = "layer"} : (tensor<?x8xf32>, tensor<4x8xf32>) -> tensor<?x4xf32>
  onnx.Return %y : tensor<?x4xf32>
}
