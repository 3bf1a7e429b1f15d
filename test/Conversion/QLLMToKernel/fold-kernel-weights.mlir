// RUN: qllm-opt %s -fold-kernel-weights | FileCheck %s

// What is shuffled says how. Code 3 everywhere, but the edge of the tile of 16 by 64 is zero.

// CHECK-LABEL: func.func @fold
// CHECK-NOT: {{= qk\.}}
// CHECK-DAG: onnx.Initializer "c_shuffled" = dense_resource<c_shuffled> : tensor<1x1x512xi8> {qk.layout = #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>, qk.row_major = tensor<8x64xui4>}
// CHECK-DAG: onnx.Initializer "c_sums" = dense_resource<c_sums> : tensor<8xi32>
// CHECK-DAG: onnx.Initializer "c_scaled_sums" = dense_resource<c_scaled_sums> : tensor<8xf32>
func.func @fold() -> (tensor<1x1x512xi8>, tensor<8xi32>, tensor<8xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<8x64xui4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<2x8xf32>
  %0 = qk.shuffle_weight %c layout(#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<8x64xui4> -> tensor<1x1x512xi8>
  %1 = qk.code_sums %c : tensor<8x64xui4> -> tensor<8xi32>
  %2 = qk.code_sums %c scales(%s : tensor<2x8xf32>) : tensor<8x64xui4> -> tensor<8xf32>
  return %0, %1, %2 : tensor<1x1x512xi8>, tensor<8xi32>, tensor<8xf32>
}

// What is only known when the model runs stays.
// CHECK-LABEL: func.func @stays
// CHECK: qk.code_sums
func.func @stays(%c: tensor<?x64xui4>) -> tensor<?xi32> {
  %0 = qk.code_sums %c : tensor<?x64xui4> -> tensor<?xi32>
  return %0 : tensor<?xi32>
}

// The constants themselves.
// CHECK: c_shuffled: "0x4000000033333333333333330000000000000000{{[03]*}}"
// CHECK: c_sums: "0x40000000C0000000C0000000
// CHECK: c_scaled_sums: "0x400000000000C0420000C042
