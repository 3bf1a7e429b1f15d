// RUN: qllm-opt %s -canonicalize | FileCheck %s

// Sorted by operation. What canonicalizes here changes no bit of any result; rewrites that round differently
// are left to passes.

!int4 = !qllm.quantized<8x64, #qllm.int<4>, group<1, 32>>
!uint4 = !qllm.quantized<8x64, #qllm.int<4, asymmetric>, group<1, 32>>

//===--- embedding ---===//

// CHECK-LABEL: func.func @embedding_reads_quantized_table
// CHECK-SAME: %[[IDS:.*]]: tensor<?xi64>, %[[Q:.*]]: !qllm.quantized
func.func @embedding_reads_quantized_table(%ids: tensor<?xi64>, %q: !int4) -> tensor<?x64xf32> {
  // CHECK: qllm.embedding %[[IDS]], %[[Q]]
  %table = qllm.dequantize %q : !int4 -> tensor<8x64xf32>
  %0 = qllm.embedding %ids, %table : (tensor<?xi64>, tensor<8x64xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

//===--- linear ---===//

// CHECK-LABEL: func.func @linear_reads_quantized_operands
// CHECK-SAME: %[[X:.*]]: !qllm.quantized<{{.*}}>, %[[W:.*]]: !qllm.quantized
func.func @linear_reads_quantized_operands(%xq: !uint4, %wq: !int4) -> tensor<8x8xf32> {
  // CHECK-NEXT: qllm.linear %[[X]], %[[W]]
  %x = qllm.dequantize %xq : !uint4 -> tensor<8x64xf32>
  %w = qllm.dequantize %wq : !int4 -> tensor<8x64xf32>
  %0 = qllm.linear %x, %w : (tensor<8x64xf32>, tensor<8x64xf32>) -> tensor<8x8xf32>
  return %0 : tensor<8x8xf32>
}

// A weight dequantized to f16 was rounded once more than the quantized one would be.
// CHECK-LABEL: func.func @linear_keeps_rounded_operand
func.func @linear_keeps_rounded_operand(%x: tensor<?x64xf32>, %wq: !int4) -> tensor<?x8xf32> {
  // CHECK: qllm.dequantize
  %w = qllm.dequantize %wq : !int4 -> tensor<8x64xf16>
  %0 = qllm.linear %x, %w : (tensor<?x64xf32>, tensor<8x64xf16>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// A bias stays a float vector.
// CHECK-LABEL: func.func @linear_keeps_bias
func.func @linear_keeps_bias(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>,
                             %bq: !qllm.quantized<8, #qllm.int<8>, per_tensor>) -> tensor<?x8xf32> {
  // CHECK: %[[B:.*]] = qllm.dequantize
  // CHECK: bias(%[[B]])
  %b = qllm.dequantize %bq : !qllm.quantized<8, #qllm.int<8>, per_tensor> -> tensor<8xf32>
  %0 = qllm.linear %x, %w bias(%b) : (tensor<?x64xf32>, tensor<8x64xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

//===--- low_rank ---===//

// CHECK-LABEL: func.func @low_rank_reads_quantized_factor
// CHECK-SAME: %[[Q:[a-z0-9]+]]: !qllm.quantized
func.func @low_rank_reads_quantized_factor(%q: !int4, %x: tensor<?x64xf32>, %up: tensor<16x8xf32>) -> tensor<?x16xf32> {
  // CHECK-NEXT: qllm.low_rank %{{.*}}, %[[Q]],
  %down = qllm.dequantize %q : !int4 -> tensor<8x64xf32>
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x64xf32>, tensor<8x64xf32>, tensor<16x8xf32>) -> tensor<?x16xf32>
  return %0 : tensor<?x16xf32>
}

//===--- merge_channels ---===//

// CHECK-LABEL: func.func @merge_nothing
// CHECK-SAME: %[[X:.*]]: tensor
func.func @merge_nothing(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK-NEXT: return %[[X]]
  %0 = qllm.merge_channels %x targets [0, 1, 2] : tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// Three thirds of x need not sum to x, so this waits for a pass that may round.
// CHECK-LABEL: func.func @merge_split_rounds
func.func @merge_split_rounds(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  // CHECK: qllm.split_channels
  // CHECK: qllm.merge_channels
  %0 = qllm.split_channels %x parts [3, 1] : tensor<?x2xf32>
  %1 = qllm.merge_channels %0 targets [0, 0, 0, 1] sum : tensor<?x4xf32>
  return %1 : tensor<?x2xf32>
}

//===--- pack ---===//

// CHECK-LABEL: func.func @pack_unpacked
// CHECK-SAME: %[[Q:.*]]: !qllm.quantized
func.func @pack_unpacked(%q: !uint4) -> !uint4 {
  // CHECK-NEXT: return %[[Q]]
  %c, %s, %z = qllm.unpack %q : !uint4
  %0 = qllm.pack %c, %s, %z : (tensor<8x64xui4>, tensor<8x2xf32>, tensor<8x2xi32>) -> !uint4
  return %0 : !uint4
}

// Other scales make another value.
// CHECK-LABEL: func.func @pack_rescaled
func.func @pack_rescaled(%q: !int4, %s: tensor<8x2xf32>) -> !int4 {
  // CHECK: qllm.pack
  %c, %old = qllm.unpack %q : !int4
  %0 = qllm.pack %c, %s : (tensor<8x64xi4>, tensor<8x2xf32>) -> !int4
  return %0 : !int4
}

//===--- permute_channels ---===//

// CHECK-LABEL: func.func @permute_nothing
// CHECK-SAME: %[[X:.*]]: tensor
func.func @permute_nothing(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK-NEXT: return %[[X]]
  %0 = qllm.permute_channels %x order [0, 1, 2] : tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// y[j] = x[first[second[j]]]
// CHECK-LABEL: func.func @permute_permuted
// CHECK-SAME: %[[X:.*]]: tensor
func.func @permute_permuted(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  // CHECK-NEXT: qllm.permute_channels %[[X]] order [0, 3, 2, 1]
  // CHECK-NEXT: return
  %0 = qllm.permute_channels %x order [1, 2, 3, 0] : tensor<?x4xf32>
  %1 = qllm.permute_channels %0 order [3, 2, 1, 0] : tensor<?x4xf32>
  return %1 : tensor<?x4xf32>
}

// A permutation and its inverse leave nothing.
// CHECK-LABEL: func.func @permute_back
// CHECK-SAME: %[[X:.*]]: tensor
func.func @permute_back(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK-NEXT: return %[[X]]
  %0 = qllm.permute_channels %x order [1, 2, 0] : tensor<?x3xf32>
  %1 = qllm.permute_channels %0 order [2, 0, 1] : tensor<?x3xf32>
  return %1 : tensor<?x3xf32>
}

//===--- rotate_channels ---===//

// The Hadamard matrix of one row is [1].
// CHECK-LABEL: func.func @rotate_by_one
// CHECK-SAME: %[[X:.*]]: tensor
func.func @rotate_by_one(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK-NEXT: return %[[X]]
  %0 = qllm.rotate_channels %x hadamard 1 : tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

//===--- scale_channels ---===//

// x * a * b and x * (a * b) round differently.
// CHECK-LABEL: func.func @scale_scaled_rounds
func.func @scale_scaled_rounds(%x: tensor<?x3xf32>, %a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<?x3xf32> {
  // CHECK-COUNT-2: qllm.scale_channels
  %0 = qllm.scale_channels %x by %a : tensor<?x3xf32>, tensor<3xf32>
  %1 = qllm.scale_channels %0 by %b : tensor<?x3xf32>, tensor<3xf32>
  return %1 : tensor<?x3xf32>
}

//===--- split_channels ---===//

// CHECK-LABEL: func.func @split_nothing
// CHECK-SAME: %[[X:.*]]: tensor
func.func @split_nothing(%x: tensor<?x3xf32>) -> tensor<?x3xf32> {
  // CHECK-NEXT: return %[[X]]
  %0 = qllm.split_channels %x parts [1, 1, 1] : tensor<?x3xf32>
  return %0 : tensor<?x3xf32>
}

// Dividing by two and by two is dividing by four, to the bit.
// CHECK-LABEL: func.func @split_split_by_powers_of_two
// CHECK-SAME: %[[X:.*]]: tensor
func.func @split_split_by_powers_of_two(%x: tensor<?x2xf32>) -> tensor<?x6xf32> {
  // CHECK-NEXT: qllm.split_channels %[[X]] parts [4, 2]
  // CHECK-NEXT: return
  %0 = qllm.split_channels %x parts [2, 1] : tensor<?x2xf32>
  %1 = qllm.split_channels %0 parts [2, 2, 2] : tensor<?x3xf32>
  return %1 : tensor<?x6xf32>
}

// Dividing by three twice is not dividing by nine, to the bit.
// CHECK-LABEL: func.func @split_split_rounds
func.func @split_split_rounds(%x: tensor<?x1xf32>) -> tensor<?x9xf32> {
  // CHECK-COUNT-2: qllm.split_channels
  %0 = qllm.split_channels %x parts [3] : tensor<?x1xf32>
  %1 = qllm.split_channels %0 parts [3, 3, 3] : tensor<?x3xf32>
  return %1 : tensor<?x9xf32>
}

// Copies that are divided apart are not the copies of one split.
// CHECK-LABEL: func.func @split_split_unevenly
func.func @split_split_unevenly(%x: tensor<?x1xf32>) -> tensor<?x3xf32> {
  // CHECK-COUNT-2: qllm.split_channels
  %0 = qllm.split_channels %x parts [2] : tensor<?x1xf32>
  %1 = qllm.split_channels %0 parts [2, 1] : tensor<?x2xf32>
  return %1 : tensor<?x3xf32>
}

// Repeats always compose.
// CHECK-LABEL: func.func @split_repeat_repeated
// CHECK-SAME: %[[X:.*]]: tensor
func.func @split_repeat_repeated(%x: tensor<?x2xf32>) -> tensor<?x5xf32> {
  // CHECK-NEXT: qllm.split_channels %[[X]] parts [4, 1] repeat
  %0 = qllm.split_channels %x parts [3, 1] repeat : tensor<?x2xf32>
  %1 = qllm.split_channels %0 parts [1, 2, 1, 1] repeat : tensor<?x4xf32>
  return %1 : tensor<?x5xf32>
}

// Offsets belong to the copies of one split.
// CHECK-LABEL: func.func @split_with_offsets_stays
func.func @split_with_offsets_stays(%x: tensor<?x1xf32>) -> tensor<?x4xf32> {
  // CHECK-COUNT-2: qllm.split_channels
  %0 = qllm.split_channels %x parts [2] rounding_offsets : tensor<?x1xf32>
  %1 = qllm.split_channels %0 parts [2, 2] : tensor<?x2xf32>
  return %1 : tensor<?x4xf32>
}

// A transform with another user is computed anyway.
// CHECK-LABEL: func.func @shared_transform_stays
func.func @shared_transform_stays(%x: tensor<?x3xf32>) -> (tensor<?x3xf32>, tensor<?x3xf32>) {
  // CHECK-COUNT-2: qllm.permute_channels
  %0 = qllm.permute_channels %x order [1, 2, 0] : tensor<?x3xf32>
  %1 = qllm.permute_channels %0 order [1, 2, 0] : tensor<?x3xf32>
  return %0, %1 : tensor<?x3xf32>, tensor<?x3xf32>
}

//===--- unpack ---===//

// CHECK-LABEL: func.func @unpack_packed
// CHECK-SAME: %[[C:.*]]: tensor<8x64xui4>, %[[S:.*]]: tensor<8x2xf32>, %[[Z:.*]]: tensor<8x2xi32>
func.func @unpack_packed(%c: tensor<8x64xui4>, %s: tensor<8x2xf32>, %z: tensor<8x2xi32>)
    -> (tensor<8x64xui4>, tensor<8x2xf32>, tensor<8x2xi32>) {
  // CHECK-NEXT: return %[[C]], %[[S]], %[[Z]]
  %q = qllm.pack %c, %s, %z : (tensor<8x64xui4>, tensor<8x2xf32>, tensor<8x2xi32>) -> !uint4
  %c2, %s2, %z2 = qllm.unpack %q : !uint4
  return %c2, %s2, %z2 : tensor<8x64xui4>, tensor<8x2xf32>, tensor<8x2xi32>
}

// Narrow zero points are widened by unpacking.
// CHECK-LABEL: func.func @unpack_narrow_zero_points
func.func @unpack_narrow_zero_points(%c: tensor<8x64xui4>, %s: tensor<8x2xf32>, %z: tensor<8x2xui4>) -> tensor<8x2xi32> {
  // CHECK: qllm.unpack
  %q = qllm.pack %c, %s, %z : (tensor<8x64xui4>, tensor<8x2xf32>, tensor<8x2xui4>) -> !uint4
  %c2, %s2, %z2 = qllm.unpack %q : !uint4
  return %z2 : tensor<8x2xi32>
}

// Nothing here has an effect, so what is unused goes.
// CHECK-LABEL: func.func @unused
func.func @unused(%x: tensor<?x64xf32>) {
  // CHECK-NEXT: return
  %0 = qllm.quantize %x : tensor<?x64xf32> -> !qllm.quantized<?x64, #qllm.int<8>, per_token>
  %1 = qllm.rotate_channels %x hadamard 64 : tensor<?x64xf32>
  return
}
