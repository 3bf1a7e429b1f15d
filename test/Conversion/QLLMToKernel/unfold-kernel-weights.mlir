// Weights come back from the order of kernels to the bit, and go there again: of 15 codes of four bits two to a byte with half a
// byte at the end, of eight bits, and scales of blocks.

// RUN: qllm-opt %s -fold-kernel-weights -canonicalize -o %t.folded.mlir
// RUN: qllm-opt %t.folded.mlir -unfold-kernel-weights -canonicalize -o %t.unfolded.mlir
// RUN: FileCheck %s --input-file=%t.unfolded.mlir
// RUN: qllm-opt %t.unfolded.mlir -fold-kernel-weights -canonicalize | diff %t.folded.mlir -
// RUN: FileCheck %s --input-file=%t.folded.mlir --check-prefix=FOLDED

// FOLDED: onnx.Initializer "u_shuffled" = {{.*}} {qk.layout = #qk.layout<16x64, {{.*}}>, qk.row_major = tensor<3x5xui4>}
// FOLDED: onnx.Initializer "b_shuffled" = {{.*}} {qk.layout = #qk.layout<16x32, {{.*}}>, qk.row_major = tensor<3x5xi8>}
// FOLDED: onnx.Initializer "s_shuffled" = {{.*}} {qk.layout = #qk.layout<128x4, {{.*}}>, qk.row_major = tensor<3x5xf8E4M3FN>}

// CHECK-LABEL: func.func @main
// CHECK-DAG: %[[U:.*]] = onnx.Initializer "u" = dense_resource<u{{.*}}> : tensor<3x5xui4>
// CHECK-DAG: %[[B:.*]] = onnx.Initializer "b" = dense_resource<b{{.*}}> : tensor<3x5xi8>
// CHECK-DAG: %[[S:.*]] = onnx.Initializer "s" = dense_resource<s{{.*}}> : tensor<3x5xf8E4M3FN>
// CHECK-DAG: qk.shuffle_weight %[[U]] layout(<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>) : tensor<3x5xui4> -> tensor<1x1x512xi8>
// CHECK-DAG: qk.shuffle_weight %[[B]] layout(<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1>) : tensor<3x5xi8> -> tensor<1x1x512xi8>
// CHECK-DAG: qk.shuffle_scales %[[S]] : tensor<3x5xf8E4M3FN> -> tensor<1x2x512xf8E4M3FN>
// CHECK-DAG: u{{.*}}: "0x4000000021436587A9CBED0F"
// CHECK-DAG: b{{.*}}: "0x40000000FF01FE02FD03FC04FB05FA06F90780"
// CHECK-DAG: s{{.*}}: "0x40000000101112131415161718191A1B1C1D1E"
func.func @main() -> (tensor<1x1x512xi8>, tensor<1x1x512xi8>, tensor<1x2x512xf8E4M3FN>) {
  %u = onnx.Initializer "u" = dense_resource<u> : tensor<3x5xui4>
  %b = onnx.Initializer "b" = dense_resource<b> : tensor<3x5xi8>
  %s = onnx.Initializer "s" = dense_resource<s> : tensor<3x5xf8E4M3FN>
  %0 = qk.shuffle_weight %u layout(#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>) : tensor<3x5xui4> -> tensor<1x1x512xi8>
  %1 = qk.shuffle_weight %b layout(#qk.layout<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1>) : tensor<3x5xi8> -> tensor<1x1x512xi8>
  %2 = qk.shuffle_scales %s : tensor<3x5xf8E4M3FN> -> tensor<1x2x512xf8E4M3FN>
  return %0, %1, %2 : tensor<1x1x512xi8>, tensor<1x1x512xi8>, tensor<1x2x512xf8E4M3FN>
}

{-#
  dialect_resources: {
    builtin: {
      u: "0x4000000021436587A9CBED0F",
      b: "0x40000000FF01FE02FD03FC04FB05FA06F90780",
      s: "0x40000000101112131415161718191A1B1C1D1E"
    }
  }
#-}
