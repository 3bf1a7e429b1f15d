// What becomes part of the kernel that quantizes.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16" -canonicalize | FileCheck %s

#x8 = #qllm.int<8, asymmetric>
!input = !qllm.quantized<?x?x128, #x8, per_token>
!weight = !qllm.quantized<128x128, #qllm.int<8>, per_channel<0>>

// The residual stream in front of a norm is stored by the kernel, and what reads it later reads that.

// CHECK-LABEL: func.func @residual
// CHECK: %[[X:.*]] = onnx.Reshape(%arg0,
// CHECK: %[[R:.*]] = onnx.Reshape(%arg1,
// CHECK: %[[CODES:.*]], %{{.*}}, %{{.*}}, %[[STREAM:.*]] = qk.quantize %[[X]] residual(%[[R]]) norm rms(%{{.*}}) epsilon 9.99999974E-6 format(<8, asymmetric>)
// CHECK: onnx.Reshape(%[[STREAM]],
// CHECK: qk.linear %[[CODES]]
// CHECK-NOT: onnx.Add
func.func @residual(%a: tensor<?x?x128xf32>, %b: tensor<?x?x128xf32>, %g: tensor<128xf32>) -> (tensor<?x?x128xf32>, tensor<?x?x128xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<128x128xi8>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<128xf32>
  %p = qllm.pack %c, %s : (tensor<128x128xi8>, tensor<128xf32>) -> !weight
  %sum = onnx.Add(%a, %b) : (tensor<?x?x128xf32>, tensor<?x?x128xf32>) -> tensor<?x?x128xf32>
  %n = onnx.RMSNormalization(%sum, %g) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32} : (tensor<?x?x128xf32>, tensor<128xf32>) -> tensor<?x?x128xf32>
  %q = qllm.quantize %n : tensor<?x?x128xf32> -> !input
  %0 = qllm.linear %q, %p : (!input, !weight) -> tensor<?x?x128xf32>
  return %0, %sum : tensor<?x?x128xf32>, tensor<?x?x128xf32>
}

// -----

#x8 = #qllm.int<8, asymmetric>
!input = !qllm.quantized<?x128, #x8, per_token>
!weight = !qllm.quantized<128x128, #qllm.int<8>, per_channel<0>>

// A sum that is read before the norm stays an addition.

// CHECK-LABEL: func.func @read_before
// CHECK: %[[SUM:.*]] = onnx.Add
// CHECK: qk.quantize %[[SUM]] norm rms
func.func @read_before(%a: tensor<?x128xf32>, %b: tensor<?x128xf32>, %g: tensor<128xf32>) -> (tensor<?x128xf32>, tensor<?x128xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<128x128xi8>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<128xf32>
  %p = qllm.pack %c, %s : (tensor<128x128xi8>, tensor<128xf32>) -> !weight
  %sum = onnx.Add(%a, %b) : (tensor<?x128xf32>, tensor<?x128xf32>) -> tensor<?x128xf32>
  %early = onnx.Sigmoid(%sum) : (tensor<?x128xf32>) -> tensor<?x128xf32>
  %n = onnx.RMSNormalization(%sum, %g) {axis = -1 : i64, epsilon = 9.99999974E-6 : f32} : (tensor<?x128xf32>, tensor<128xf32>) -> tensor<?x128xf32>
  %q = qllm.quantize %n : tensor<?x128xf32> -> !input
  %0 = qllm.linear %q, %p : (!input, !weight) -> tensor<?x128xf32>
  return %0, %early : tensor<?x128xf32>, tensor<?x128xf32>
}

// -----

#x8 = #qllm.int<8>
!input = !qllm.quantized<?x128, #x8, per_token>
!weight = !qllm.quantized<128x128, #qllm.int<8>, per_channel<0>>

// x * (g * sigmoid(g)) is a gate.

// CHECK-LABEL: func.func @gate
// CHECK: qk.quantize %arg1 gate(%arg0) format(<8>)
// CHECK-NOT: onnx.Mul
func.func @gate(%g: tensor<?x128xf32>, %x: tensor<?x128xf32>) -> tensor<?x128xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<128x128xi8>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<128xf32>
  %p = qllm.pack %c, %s : (tensor<128x128xi8>, tensor<128xf32>) -> !weight
  %sigma = onnx.Sigmoid(%g) : (tensor<?x128xf32>) -> tensor<?x128xf32>
  %silu = onnx.Mul(%g, %sigma) : (tensor<?x128xf32>, tensor<?x128xf32>) -> tensor<?x128xf32>
  %y = onnx.Mul(%silu, %x) : (tensor<?x128xf32>, tensor<?x128xf32>) -> tensor<?x128xf32>
  %q = qllm.quantize %y : tensor<?x128xf32> -> !input
  %0 = qllm.linear %q, %p : (!input, !weight) -> tensor<?x128xf32>
  return %0 : tensor<?x128xf32>
}

// -----

// What is added to a product becomes part of it where nothing else reads the product: the stream, which a norm and a later addition read.
// A product that others read too is added outside, and so is a tensor of another shape.

// CHECK-LABEL: func.func @added
// CHECK-SAME: %[[X:.*]]: tensor<?x?x128xf32>, %[[R:.*]]: tensor<?x?x128xf32>, %[[B:.*]]: tensor<128xf32>
// CHECK: %[[ROWS:.*]] = onnx.Reshape(%[[R]], {{.*}} -> tensor<?x128xf32>
// CHECK: %[[SUM:.*]] = qk.linear {{.*}} residual(%[[ROWS]]) formats(<8>, <4>)
// CHECK: %[[STREAM:.*]] = onnx.Reshape(%[[SUM]]
// CHECK: %[[BOTH:.*]] = qk.linear {{.*}}
// CHECK-NOT: residual(
// CHECK: onnx.Add(
// CHECK: %[[LAST:.*]] = qk.linear {{.*}}
// CHECK-NOT: residual(
// CHECK: onnx.Add(%{{.*}}, %[[B]])
func.func @added(%x: tensor<?x?x128xf32>, %r: tensor<?x?x128xf32>, %b: tensor<128xf32>)
    -> (tensor<?x?x128xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<128x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<128xf32>
  %w = qllm.pack %c, %s : (tensor<128x128xi4>, tensor<128xf32>) -> !qllm.quantized<128x128, #qllm.int<4>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x?x128xf32> -> !qllm.quantized<?x?x128, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x?x128, #qllm.int<8>, per_token>, !qllm.quantized<128x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x?x128xf32>
  %1 = onnx.Add(%r, %0) : (tensor<?x?x128xf32>, tensor<?x?x128xf32>) -> tensor<?x?x128xf32>
  %2 = qllm.linear %q, %w : (!qllm.quantized<?x?x128, #qllm.int<8>, per_token>, !qllm.quantized<128x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x?x128xf32>
  %3 = onnx.Add(%2, %1) : (tensor<?x?x128xf32>, tensor<?x?x128xf32>) -> tensor<?x?x128xf32>
  %4 = qllm.linear %q, %w : (!qllm.quantized<?x?x128, #qllm.int<8>, per_token>, !qllm.quantized<128x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x?x128xf32>
  %5 = onnx.Add(%4, %b) : (tensor<?x?x128xf32>, tensor<128xf32>) -> tensor<?x?x128xf32>
  return %1, %2, %3, %5 : tensor<?x?x128xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>, tensor<?x?x128xf32>
}
