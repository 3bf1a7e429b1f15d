// RUN: qllm-opt --recipe-rtn="weight-bits=4 symmetric granularity=group group-size=16 include-embedding include-head" --convert-qllm-to-onnx %s | FileCheck %s
// RUN: qllm-opt --recipe-rtn="weight-bits=4 symmetric granularity=group group-size=16 include-embedding include-head" --convert-qllm-to-onnx=weights=qdq %s | FileCheck %s --check-prefix=QDQ
// RUN: qllm-opt --recipe-rtn="weight-bits=4 activation-bits=8" --convert-qllm-to-onnx %s | FileCheck %s --check-prefix=W4A8

module {
  func.func @tied(%ids: tensor<?xi64>) -> tensor<?x4xf32> {
    // One set of bytes serves the lookup and, in another shape, the product.
    // CHECK: %[[T:.*]] = onnx.Initializer "table_codes" = {{.*}} : tensor<4x16xui8>
    // CHECK: %[[B:.*]] = onnx.Reshape(%[[T]], %{{.*}}) {{.*}} -> tensor<4x2x8xui8>
    // CHECK: %[[S:.*]] = onnx.Initializer "table_scales" = {{.*}} : tensor<4x2xf32>
    // CHECK: %[[E:.*]] = onnx.ms.GatherBlockQuantized(%[[T]], %arg0, %[[S]]) {{.*}}bits = 4 : i64, block_size = 16 : i64, gather_axis = 0 : i64, onnx.node_name = "embed", quantize_axis = 1
    // CHECK: onnx.ms.MatMulNBits(%[[E]], %[[B]], %[[S]]) {{.*}}K = 32 : i64, N = 4 : i64, accuracy_level = 1 : i64, bits = 4 : i64, block_size = 16 : i64, onnx.node_name = "head"
    // CHECK-NOT: qllm
    // QDQ: %[[W:.*]] = onnx.DequantizeLinear(%{{.*}}, %{{.*}}) {axis = 1 : i64, block_size = 16 : i64{{.*}} : (tensor<4x32xi4>, tensor<4x2xf32>) -> tensor<4x32xf32>
    // QDQ: onnx.Gather(%[[W]], %arg0)
    // QDQ: onnx.Transpose(%[[W]])
    // W4A8-LABEL: func.func @tied
    // W4A8: %[[F:.*]] = onnx.Initializer "table" = {{.*}} : tensor<4x32xf32>
    // W4A8: onnx.Gather(%[[F]], %arg0)
    %w = onnx.Initializer "table" = dense<1.0> : tensor<4x32xf32>
    %e = onnx.Gather(%w, %ids) {axis = 0 : i64, onnx.node_name = "embed"} : (tensor<4x32xf32>, tensor<?xi64>) -> tensor<?x32xf32>
    %t = onnx.Transpose(%w) {perm = array<i64: 1, 0>} : (tensor<4x32xf32>) -> tensor<32x4xf32>
    %y = onnx.MatMul(%e, %t) {onnx.node_name = "head"} : (tensor<?x32xf32>, tensor<32x4xf32>) -> tensor<?x4xf32>
    onnx.Return %y : tensor<?x4xf32>
  }

  // Quantized inputs: the formula of qllm.quantize step by step, and a weight in DequantizeLinear.
  // W4A8-LABEL: func.func @quantized_input
  func.func @quantized_input(%x: tensor<?x32xf32>) -> tensor<?x2xf32> {
    // W4A8-DAG: %[[MIN:.*]] = onnx.ReduceMin(%arg0, %{{.*}})
    // W4A8-DAG: %[[MAX:.*]] = onnx.ReduceMax(%arg0, %{{.*}})
    // W4A8: onnx.Sub(%[[MAX]], %[[MIN]])
    // W4A8: onnx.Round
    // W4A8: onnx.Clip
    // W4A8: %[[D:.*]] = onnx.Mul
    // W4A8: onnx.DequantizeLinear({{.*}}axis = 1 : i64{{.*}} : (tensor<32x2xui4>, tensor<2xf32>, tensor<2xui4>) -> tensor<32x2xf32>
    // W4A8: onnx.MatMul(%[[D]], %{{.*}}) {onnx.node_name = "head/MatMul"}
    %w = onnx.Initializer "w" = dense<0.5> : tensor<32x2xf32>
    %y = onnx.MatMul(%x, %w) : (tensor<?x32xf32>, tensor<32x2xf32>) -> tensor<?x2xf32>
    onnx.Return %y : tensor<?x2xf32>
  }
}
