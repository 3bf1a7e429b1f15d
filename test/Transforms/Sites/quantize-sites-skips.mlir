// RUN: %python -c "import numpy; numpy.save('%t.npy', numpy.random.default_rng(0).standard_normal((3, 4), dtype='float32'))"
// RUN: qllm-opt --qllm-quantize-sites="calibration=%t.npy" %s -o %t.mlir 2> %t.log
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=LOG < %t.log

// What a calibration run cannot reach, or that holds no numbers, is listed and stays as it was; the layer without a plan
// is nobody's business.
// LOG-DAG: remark: skipped 'inside': it lies in a region or another function, where no calibration run goes
// LOG-DAG: remark: skipped 'dynamic': its weight is computed at run time
// LOG-DAG: remark: skipped 'infinite': expected finite weights, but got inf at [1, 2]
// LOG-NOT: unplanned
// CHECK-LABEL: func.func @main
// CHECK: qllm.linear {{.*}} {qllm.name = "dynamic", qllm.plan = {skipped = "its weight is computed at run time"}}
// CHECK: qllm.linear {{.*}} {qllm.name = "infinite", qllm.plan = {skipped = "expected finite weights, but got inf at [1, 2]"}}
// CHECK: qllm.linear {{.*}} {qllm.name = "inside", qllm.plan = {skipped = "it lies in a region
// CHECK: qllm.linear {{.*}} {qllm.name = "unplanned"} :
// CHECK: qllm.linear {{.*}} {qllm.name = "plain"} : (tensor<1x4xf32>, !qllm.quantized
func.func @main(%x: tensor<1x4xf32>) -> (tensor<1x2xf32>, tensor<1x2xf32>) {
  %w = onnx.Initializer "w" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0.0, 1.0]]> : tensor<2x4xf32>
  %inf = onnx.Initializer "inf" = dense<[[7.0, -7.0, 1.0, 0.0], [0.0, 3.5, 0x7F800000, 1.0]]> : tensor<2x4xf32>
  %true = onnx.Initializer "true" = dense<true> : tensor<i1>
  %computed = onnx.Mul(%w, %x) : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  %a = qllm.linear %x, %computed {qllm.name = "dynamic", qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %b = qllm.linear %x, %inf {qllm.name = "infinite", qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %c = onnx.Custom "" "If"(%true) {onnx.graphs = [{attribute = "else_branch"}, {attribute = "then_branch"}]} : (tensor<i1>) -> tensor<1x2xf32> {
    onnx.Return %a : tensor<1x2xf32>
  }, {
    %d = qllm.linear %x, %w {qllm.name = "inside", qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
    onnx.Return %d : tensor<1x2xf32>
  }
  %e = qllm.linear %x, %w {qllm.name = "unplanned"} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  %sum = onnx.Concat(%c, %e) {axis = 1 : i64} : (tensor<1x2xf32>, tensor<1x2xf32>) -> tensor<1x4xf32>
  // Behind the subgraph, and fed by it: the run goes through it.
  %f = qllm.linear %sum, %w {qllm.name = "plain", qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  onnx.Return %f, %b : tensor<1x2xf32>, tensor<1x2xf32>
}
