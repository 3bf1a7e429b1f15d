// Every operation prints and parses, in the readable and in the generic form.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s

!dynamic = !qllm.quantized<?x64, #qllm.int<8, asymmetric>, per_token>
!static = !qllm.quantized<?x64, #qllm.int<4, asymmetric>, per_channel<1>>
!weight = !qllm.quantized<32x64, #qllm.int<4>, group<1, 32>>
!nvfp4 = !qllm.quantized<32x64, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>

// CHECK-LABEL: func.func @quantize
// CHECK-SAME: %[[X:.*]]: tensor<?x64xf32>, %[[S:.*]]: tensor<64xf32>, %[[Z:.*]]: tensor<64xi32>
func.func @quantize(%x: tensor<?x64xf32>, %s: tensor<64xf32>, %z: tensor<64xi32>) {
  // CHECK: qllm.quantize %[[X]] : tensor<?x64xf32> -> !qllm.quantized<?x64, #qllm.int<8, asymmetric>, per_token>
  %0 = qllm.quantize %x : tensor<?x64xf32> -> !dynamic
  // CHECK: qllm.quantize %[[X]] include_zero :
  %1 = qllm.quantize %x include_zero : tensor<?x64xf32> -> !dynamic
  // CHECK: qllm.quantize %[[X]] include_zero clip 7.500000e-01 :
  %clipped = qllm.quantize %x include_zero clip 0.75 : tensor<?x64xf32> -> !dynamic
  // CHECK: qllm.quantize %[[X]] rounding_offsets(%[[S]] : tensor<64xf32>) :
  %2 = qllm.quantize %x rounding_offsets(%s : tensor<64xf32>) : tensor<?x64xf32> -> !dynamic
  // CHECK: qllm.quantize %[[X]] scales(%[[S]] : tensor<64xf32>) zero_points(%[[Z]] : tensor<64xi32>) :
  %3 = qllm.quantize %x scales(%s : tensor<64xf32>) zero_points(%z : tensor<64xi32>) : tensor<?x64xf32> -> !static
  return
}

// CHECK-LABEL: func.func @quantize_two_levels
func.func @quantize_two_levels(%x: tensor<32x64xf32>, %s: tensor<32x4xf8E4M3FN>, %t: tensor<f32>) {
  // CHECK: qllm.quantize %{{.*}} scales(%{{.*}} : tensor<32x4xf8E4M3FN>) tensor_scale(%{{.*}} : tensor<f32>) :
  %0 = qllm.quantize %x scales(%s : tensor<32x4xf8E4M3FN>) tensor_scale(%t : tensor<f32>) : tensor<32x64xf32> -> !nvfp4
  return
}

// CHECK-LABEL: func.func @dequantize
func.func @dequantize(%q: !weight) -> tensor<32x64xf16> {
  // CHECK: qllm.dequantize %{{.*}} : !qllm.quantized<32x64, #qllm.int<4>, group<1, 32>> -> tensor<32x64xf16>
  %0 = qllm.dequantize %q : !weight -> tensor<32x64xf16>
  return %0 : tensor<32x64xf16>
}

// CHECK-LABEL: func.func @pack
func.func @pack(%c: tensor<32x64xi4>, %s: tensor<32x2xf32>) -> !weight {
  // CHECK: qllm.pack %{{.*}}, %{{.*}} : (tensor<32x64xi4>, tensor<32x2xf32>) -> !qllm.quantized
  %0 = qllm.pack %c, %s : (tensor<32x64xi4>, tensor<32x2xf32>) -> !weight
  return %0 : !weight
}

// Zero points may be stored narrower than i32.
// CHECK-LABEL: func.func @pack_asymmetric
func.func @pack_asymmetric(%c: tensor<?x64xui4>, %s: tensor<64xf32>, %z: tensor<64xui4>) -> !static {
  // CHECK: qllm.pack %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x64xui4>, tensor<64xf32>, tensor<64xui4>)
  %0 = qllm.pack %c, %s, %z : (tensor<?x64xui4>, tensor<64xf32>, tensor<64xui4>) -> !static
  return %0 : !static
}

// CHECK-LABEL: func.func @pack_two_levels
func.func @pack_two_levels(%c: tensor<32x64xf4E2M1FN>, %s: tensor<32x4xf8E4M3FN>, %t: tensor<f32>) -> !nvfp4 {
  // CHECK: qllm.pack %{{.*}}, %{{.*}} tensor_scale(%{{.*}}) :
  %0 = qllm.pack %c, %s tensor_scale(%t) : (tensor<32x64xf4E2M1FN>, tensor<32x4xf8E4M3FN>, tensor<f32>) -> !nvfp4
  return %0 : !nvfp4
}

// CHECK-LABEL: func.func @unpack
func.func @unpack(%q: !static) -> tensor<64xi32> {
  // CHECK: %{{.*}}:3 = qllm.unpack %{{.*}} : !qllm.quantized<?x64, #qllm.int<4, asymmetric>, per_channel<1>>
  %codes, %scales, %zero_points = qllm.unpack %q : !static
  return %zero_points : tensor<64xi32>
}

// Float and quantized operands mix freely.
// CHECK-LABEL: func.func @linear
func.func @linear(%x: tensor<?x?x64xf32>, %xq: !dynamic, %w: tensor<32x64xf32>, %wq: !weight, %b: tensor<32xf32>) {
  // CHECK: qllm.linear %{{.*}}, %{{.*}} : (tensor<?x?x64xf32>, tensor<32x64xf32>) -> tensor<?x?x32xf32>
  %0 = qllm.linear %x, %w : (tensor<?x?x64xf32>, tensor<32x64xf32>) -> tensor<?x?x32xf32>
  // CHECK: qllm.linear %{{.*}}, %{{.*}} bias(%{{.*}}) : (tensor<?x?x64xf32>, !qllm.quantized<{{.*}}>, tensor<32xf32>) -> tensor<?x?x32xf32>
  %1 = qllm.linear %x, %wq bias(%b) : (tensor<?x?x64xf32>, !weight, tensor<32xf32>) -> tensor<?x?x32xf32>
  // CHECK: qllm.linear %{{.*}}, %{{.*}} : (!qllm.quantized<{{.*}}>, !qllm.quantized<{{.*}}>) -> tensor<?x32xf16>
  %2 = qllm.linear %xq, %wq : (!dynamic, !weight) -> tensor<?x32xf16>
  return
}

// CHECK-LABEL: func.func @embedding
func.func @embedding(%ids: tensor<?x?xi64>, %t: !weight) -> tensor<?x?x64xf32> {
  // CHECK: qllm.embedding %{{.*}}, %{{.*}} : (tensor<?x?xi64>, !qllm.quantized<{{.*}}>) -> tensor<?x?x64xf32>
  %0 = qllm.embedding %ids, %t : (tensor<?x?xi64>, !weight) -> tensor<?x?x64xf32>
  return %0 : tensor<?x?x64xf32>
}

// CHECK-LABEL: func.func @low_rank
func.func @low_rank(%x: tensor<?x64xf32>, %down: tensor<4x64xf32>, %up: tensor<32x4xf32>) -> tensor<?x32xf32> {
  // CHECK: qllm.low_rank %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<32x4xf32>) -> tensor<?x32xf32>
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x64xf32>, tensor<4x64xf32>, tensor<32x4xf32>) -> tensor<?x32xf32>
  return %0 : tensor<?x32xf32>
}

// CHECK-LABEL: func.func @channels
func.func @channels(%x: tensor<?x4xf32>, %v: tensor<4xf32>, %r: tensor<2x2xf32>) -> tensor<?x3xf32> {
  // CHECK: qllm.scale_channels %{{.*}} by %{{.*}} : tensor<?x4xf32>, tensor<4xf32>
  %0 = qllm.scale_channels %x by %v : tensor<?x4xf32>, tensor<4xf32>
  // CHECK: qllm.shift_channels %{{.*}} by %{{.*}} inverse : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.shift_channels %0 by %v inverse : tensor<?x4xf32>, tensor<4xf32>
  // CHECK: qllm.permute_channels %{{.*}} order [3, 2, 0, 1] : tensor<?x4xf32>
  %2 = qllm.permute_channels %1 order [3, 2, 0, 1] : tensor<?x4xf32>
  // CHECK: qllm.rotate_channels %{{.*}} hadamard 4 : tensor<?x4xf32>
  %3 = qllm.rotate_channels %2 hadamard 4 : tensor<?x4xf32>
  // CHECK: qllm.rotate_channels %{{.*}} by(%{{.*}} : tensor<2x2xf32>) inverse : tensor<?x4xf32>
  %near = qllm.rotate_channels %3 by(%r : tensor<2x2xf32>) inverse : tensor<?x4xf32>
  // CHECK: qllm.rotate_channels %{{.*}} by(%{{.*}} : tensor<2x2xf32>) stride 2 inverse : tensor<?x4xf32>
  %4 = qllm.rotate_channels %near by(%r : tensor<2x2xf32>) stride 2 inverse : tensor<?x4xf32>
  // CHECK: qllm.split_channels %{{.*}} parts [1, 3, 1, 1] rounding_offsets : tensor<?x4xf32>
  %5 = qllm.split_channels %4 parts [1, 3, 1, 1] rounding_offsets : tensor<?x4xf32>
  // CHECK: qllm.split_channels %{{.*}} parts [1, 1, 1, 1, 1, 2] repeat : tensor<?x6xf32>
  %6 = qllm.split_channels %5 parts [1, 1, 1, 1, 1, 2] repeat : tensor<?x6xf32>
  // CHECK: qllm.merge_channels %{{.*}} targets [0, 1, 2, 3, 3, 3, 4] : tensor<?x7xf32>
  %7 = qllm.merge_channels %6 targets [0, 1, 2, 3, 3, 3, 4] : tensor<?x7xf32>
  // CHECK: qllm.merge_channels %{{.*}} targets [0, 1, 0, 2, 2] sum : tensor<?x5xf32>
  %8 = qllm.merge_channels %7 targets [0, 1, 0, 2, 2] sum : tensor<?x5xf32>
  return %8 : tensor<?x3xf32>
}
