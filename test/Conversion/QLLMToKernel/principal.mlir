// What is taken off a tensor before it is quantized becomes part of the kernel that quantizes.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16" -canonicalize -cse | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 fuse=false" -canonicalize -cse | FileCheck %s --check-prefix=APART
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 explain" -o /dev/null 2>&1 | FileCheck %s --check-prefix=EXPLAIN

!z = !qllm.quantized<?x?x8, #qllm.int<8>, per_token>
!p = !qllm.quantized<8x64, #qllm.int<8>, per_channel<0>>
!input = !qllm.quantized<?x?x72, #qllm.int<4>, per_token>
!weight = !qllm.quantized<64x72, #qllm.int<4>, per_channel<0>>
!up = !qllm.quantized<64x8, #qllm.int<8>, per_channel<0>>

// A norm and a shift in front of it, a split behind it, filled up to 96 channels. Directions are filled up to 32 by zeros.
// Both products of its codes are added to the main ones. Nothing of it is left, nor run for its shape alone.

// CHECK-LABEL: func.func @all
// CHECK-DAG: onnx.Initializer "pc_fragments" {{.*}} : tensor<2x2x512xi8>
// CHECK-DAG: onnx.Initializer "pc_transposed" {{.*}} : tensor<4x1x512xi8>
// CHECK-DAG: onnx.Initializer "ps_filled" {{.*}} : tensor<32xf32>
// CHECK: %[[X:.*]], %[[SX:.*]], %[[Z:.*]], %[[SZ:.*]] = qk.quantize %{{.*}} norm rms(%{{.*}}) epsilon {{.*}} add(%{{.*}}) principal(%{{.*}}, %{{.*}}, %{{.*}}) split(%{{.*}}, %{{.*}}) format(<4>) {{.*}} tensor<96xi32>, tensor<96xf32>) -> tensor<?x96xi4>, tensor<?xf32> principal tensor<?x32xi8>, tensor<?xf32>
// CHECK: qk.linear %[[X]], {{.*}} low_rank(%[[Z]], %[[SZ]], %{{.*}}, %{{.*}})
// CHECK: qk.linear %[[X]], {{.*}} low_rank(%[[Z]], %[[SZ]], %{{.*}}, %{{.*}})
// CHECK-NOT: qllm.
// CHECK-NOT: onnx.Sub

// APART-LABEL: func.func @all
// APART: qllm.linear {{.*}} -> tensor<?x?x8xf32>
// APART: onnx.Sub
// APART: qllm.split_channels

// EXPLAIN: remark: kernel: with a low-rank branch of 32; sm_80
// EXPLAIN: remark: kernel: with a low-rank branch of 32; sm_80
func.func @all(%x: tensor<?x?x64xf32>, %g: tensor<64xf32>) -> (tensor<?x?x64xf32>, tensor<?x?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x72xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x72xi4>, tensor<64xf32>) -> !weight
  %d = onnx.Initializer "d" = dense<0.25> : tensor<64xf32>
  %pc = onnx.Initializer "pc" = dense<5> : tensor<8x64xi8>
  %ps = onnx.Initializer "ps" = dense<0.01> : tensor<8xf32>
  %p = qllm.pack %pc, %ps : (tensor<8x64xi8>, tensor<8xf32>) -> !p
  %uc = onnx.Initializer "uc" = dense<7> : tensor<64x8xi8>
  %u = qllm.pack %uc, %s : (tensor<64x8xi8>, tensor<64xf32>) -> !up
  %vc = onnx.Initializer "vc" = dense<9> : tensor<64x8xi8>
  %v = qllm.pack %vc, %s : (tensor<64x8xi8>, tensor<64xf32>) -> !up
  %n = onnx.RMSNormalization(%x, %g) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32} : (tensor<?x?x64xf32>, tensor<64xf32>) -> tensor<?x?x64xf32>
  %0 = qllm.shift_channels %n by %d inverse : tensor<?x?x64xf32>, tensor<64xf32>
  %1 = qllm.linear %0, %p {qllm.branch} : (tensor<?x?x64xf32>, !p) -> tensor<?x?x8xf32>
  %z = qllm.quantize %1 : tensor<?x?x8xf32> -> !z
  %pf = qllm.dequantize %p : !p -> tensor<8x64xf32>
  %pt = onnx.Transpose(%pf) {perm = array<i64: 1, 0>} : (tensor<8x64xf32>) -> tensor<64x8xf32>
  %2 = qllm.linear %z, %pt {qllm.branch} : (!z, tensor<64x8xf32>) -> tensor<?x?x64xf32>
  %3 = onnx.Sub(%0, %2) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %4 = qllm.split_channels %3 parts [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 6] : tensor<?x?x64xf32>
  %q = qllm.quantize %4 : tensor<?x?x72xf32> -> !input
  %5 = qllm.linear %q, %w : (!input, !weight) -> tensor<?x?x64xf32>
  %6 = qllm.linear %z, %u {qllm.branch} : (!z, !up) -> tensor<?x?x64xf32>
  %7 = onnx.Add(%5, %6) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  %8 = qllm.linear %q, %w : (!input, !weight) -> tensor<?x?x64xf32>
  %9 = qllm.linear %z, %v {qllm.branch} : (!z, !up) -> tensor<?x?x64xf32>
  %10 = onnx.Add(%8, %9) : (tensor<?x?x64xf32>, tensor<?x?x64xf32>) -> tensor<?x?x64xf32>
  return %7, %10 : tensor<?x?x64xf32>, tensor<?x?x64xf32>
}

// -----

!z = !qllm.quantized<?x8, #qllm.int<8, asymmetric>, per_token>
!p = !qllm.quantized<8x64, #qllm.int<8>, per_channel<0>>
!input = !qllm.quantized<?x64, #qllm.int<4>, per_token>
!weight = !qllm.quantized<64x64, #qllm.int<4>, per_channel<0>>

// Codes with a zero point are not those of a branch.

// CHECK-LABEL: func.func @asymmetric
// CHECK: qllm.linear
// CHECK: onnx.Sub
// CHECK: qk.quantize
// CHECK-NOT: principal

// EXPLAIN-NEXT: qllm.linear
// EXPLAIN-NEXT: ^
// EXPLAIN-NEXT: remark: no kernel: expected a principal part in front of one quantizer, with directions and symmetric codes of eight bits
func.func @asymmetric(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x64xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x64xi4>, tensor<64xf32>) -> !weight
  %pc = onnx.Initializer "pc" = dense<5> : tensor<8x64xi8>
  %ps = onnx.Initializer "ps" = dense<0.01> : tensor<8xf32>
  %p = qllm.pack %pc, %ps : (tensor<8x64xi8>, tensor<8xf32>) -> !p
  %1 = qllm.linear %x, %p {qllm.branch} : (tensor<?x64xf32>, !p) -> tensor<?x8xf32>
  %z = qllm.quantize %1 : tensor<?x8xf32> -> !z
  %pf = qllm.dequantize %p : !p -> tensor<8x64xf32>
  %pt = onnx.Transpose(%pf) {perm = array<i64: 1, 0>} : (tensor<8x64xf32>) -> tensor<64x8xf32>
  %2 = qllm.linear %z, %pt {qllm.branch} : (!z, tensor<64x8xf32>) -> tensor<?x64xf32>
  %3 = onnx.Sub(%x, %2) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %q = qllm.quantize %3 : tensor<?x64xf32> -> !input
  %4 = qllm.linear %q, %w : (!input, !weight) -> tensor<?x64xf32>
  return %4 : tensor<?x64xf32>
}

// -----

!z = !qllm.quantized<?x32, #qllm.int<8>, per_token>
!p = !qllm.quantized<32x64, #qllm.int<8>, per_channel<0>>
!input = !qllm.quantized<?x64, #qllm.int<4>, per_token>
!weight = !qllm.quantized<64x64, #qllm.int<4>, per_channel<0>>

// What is left of a row is wanted elsewhere too, so it is computed; and a scale behind it has no place in the kernel.

// CHECK-LABEL: func.func @other_readers
// CHECK: %[[REST:.*]] = onnx.Sub
// CHECK: qk.quantize %[[REST]] format
// CHECK: return %{{.*}}, %[[REST]]
func.func @other_readers(%x: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x64xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x64xi4>, tensor<64xf32>) -> !weight
  %pc = onnx.Initializer "pc" = dense<5> : tensor<32x64xi8>
  %ps = onnx.Initializer "ps" = dense<0.01> : tensor<32xf32>
  %p = qllm.pack %pc, %ps : (tensor<32x64xi8>, tensor<32xf32>) -> !p
  %1 = qllm.linear %x, %p {qllm.branch} : (tensor<?x64xf32>, !p) -> tensor<?x32xf32>
  %z = qllm.quantize %1 : tensor<?x32xf32> -> !z
  %pf = qllm.dequantize %p : !p -> tensor<32x64xf32>
  %pt = onnx.Transpose(%pf) {perm = array<i64: 1, 0>} : (tensor<32x64xf32>) -> tensor<64x32xf32>
  %2 = qllm.linear %z, %pt {qllm.branch} : (!z, tensor<64x32xf32>) -> tensor<?x64xf32>
  %3 = onnx.Sub(%x, %2) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %q = qllm.quantize %3 : tensor<?x64xf32> -> !input
  %4 = qllm.linear %q, %w : (!input, !weight) -> tensor<?x64xf32>
  return %4, %3 : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func @scaled
// CHECK: %[[REST:.*]] = onnx.Sub
// CHECK: qk.quantize %[[REST]] multiply(
func.func @scaled(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x64xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x64xi4>, tensor<64xf32>) -> !weight
  %pc = onnx.Initializer "pc" = dense<5> : tensor<32x64xi8>
  %ps = onnx.Initializer "ps" = dense<0.01> : tensor<32xf32>
  %p = qllm.pack %pc, %ps : (tensor<32x64xi8>, tensor<32xf32>) -> !p
  %1 = qllm.linear %x, %p {qllm.branch} : (tensor<?x64xf32>, !p) -> tensor<?x32xf32>
  %z = qllm.quantize %1 : tensor<?x32xf32> -> !z
  %pf = qllm.dequantize %p : !p -> tensor<32x64xf32>
  %pt = onnx.Transpose(%pf) {perm = array<i64: 1, 0>} : (tensor<32x64xf32>) -> tensor<64x32xf32>
  %2 = qllm.linear %z, %pt {qllm.branch} : (!z, tensor<64x32xf32>) -> tensor<?x64xf32>
  %3 = onnx.Sub(%x, %2) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %4 = qllm.scale_channels %3 by %s : tensor<?x64xf32>, tensor<64xf32>
  %q = qllm.quantize %4 : tensor<?x64xf32> -> !input
  %5 = qllm.linear %q, %w : (!input, !weight) -> tensor<?x64xf32>
  return %5 : tensor<?x64xf32>
}

// Directions that are no constants have no order that a kernel reads.

// CHECK-LABEL: func.func @arguments
// CHECK: %[[REST:.*]] = onnx.Sub
// CHECK: qk.quantize %[[REST]] format
func.func @arguments(%x: tensor<?x64xf32>, %pc: tensor<32x64xi8>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x64xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x64xi4>, tensor<64xf32>) -> !weight
  %ps = onnx.Initializer "ps" = dense<0.01> : tensor<32xf32>
  %p = qllm.pack %pc, %ps : (tensor<32x64xi8>, tensor<32xf32>) -> !p
  %1 = qllm.linear %x, %p {qllm.branch} : (tensor<?x64xf32>, !p) -> tensor<?x32xf32>
  %z = qllm.quantize %1 : tensor<?x32xf32> -> !z
  %pf = qllm.dequantize %p : !p -> tensor<32x64xf32>
  %pt = onnx.Transpose(%pf) {perm = array<i64: 1, 0>} : (tensor<32x64xf32>) -> tensor<64x32xf32>
  %2 = qllm.linear %z, %pt {qllm.branch} : (!z, tensor<64x32xf32>) -> tensor<?x64xf32>
  %3 = onnx.Sub(%x, %2) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  %q = qllm.quantize %3 : tensor<?x64xf32> -> !input
  %4 = qllm.linear %q, %w : (!input, !weight) -> tensor<?x64xf32>
  return %4 : tensor<?x64xf32>
}
