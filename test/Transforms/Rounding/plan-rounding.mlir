// RUN: qllm-opt --qllm-plan-rounding="weight-bits=4 activation-bits=8" %s | FileCheck %s
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=4 granularity=group group-size=2 symmetric include-head include-embedding scale=f16" %s | FileCheck %s --check-prefix=ALL
// RUN: qllm-opt --qllm-plan-rounding="weight-format=mxfp4 targets=layer" %s 2>/dev/null | FileCheck %s --check-prefix=MX
// RUN: qllm-opt --qllm-plan-rounding="weight-bits=16 activation-bits=4 activation-symmetric" %s | FileCheck %s --check-prefix=ACT
// RUN: qllm-opt --qllm-plan-rounding="ignore=lay*" %s | FileCheck %s --check-prefix=IGNORE

// Embedding and head share a table and are left alone unless both are asked for.
// CHECK-LABEL: func.func @model
func.func @model(%ids: tensor<?xi64>) -> tensor<?x8xf32> {
  %table = onnx.Initializer "table" = dense<1.0> : tensor<8x4xf32>
  %w = onnx.Initializer "w" = dense<1.0> : tensor<4x4xf32>
  // CHECK: qllm.embedding {{.*}}excluded = "embedding and lm_head share this table
  // ALL: qllm.embedding {{.*}}weight = !qllm.quantized<8x4, #qllm.int<4>, group<1, 2>, scale = f16>
  %e = qllm.embedding %ids, %table {onnx.node_name = "embed"} : (tensor<?xi64>, tensor<8x4xf32>) -> tensor<?x4xf32>
  // CHECK: qllm.linear
  // CHECK-SAME: operands = [!qllm.quantized<?x4, #qllm.int<8, asymmetric>, per_token>]
  // CHECK-SAME: weight = !qllm.quantized<4x4, #qllm.int<4, asymmetric>, per_channel<0>>
  // ALL: qllm.linear
  // ALL-NOT: operands
  // MX: skipped = "group size 32 does not divide 4, but these do: 2, 4"
  // ACT: qllm.linear
  // ACT-SAME: qllm.plan = {operands = [!qllm.quantized<?x4, #qllm.int<4>, per_token>]}
  // IGNORE: qllm.linear {{.*}}excluded = "ignored by pattern 'lay*'"
  %h = qllm.linear %e, %w {onnx.node_name = "layer"} : (tensor<?x4xf32>, tensor<4x4xf32>) -> tensor<?x4xf32>
  // CHECK: qllm.linear {{.*}}excluded = "embedding and lm_head share this table
  %y = qllm.linear %h, %table {onnx.node_name = "head"} : (tensor<?x4xf32>, tensor<8x4xf32>) -> tensor<?x8xf32>
  onnx.Return %y : tensor<?x8xf32>
}
