// qk.quantize prints and parses with all its parts and with none, in the readable and in the generic form.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -emit-bytecode | qllm-opt | FileCheck %s

// CHECK-LABEL: func.func @plain
func.func @plain(%x: tensor<?x64xf32>) {
  // CHECK: %{{.*}}, %{{.*}} = qk.quantize %{{.*}} format(<8>) : (tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?xf32>{{$}}
  %0:2 = qk.quantize %x format(#qllm.int<8>) : (tensor<?x64xf32>) -> tensor<?x64xi8>, tensor<?xf32>
  return
}

// CHECK-LABEL: func.func @layer
func.func @layer(%x: tensor<?x64xf16>, %w: tensor<64xf16>, %b: tensor<64xf32>, %i: tensor<128xi32>, %f: tensor<128xf32>) {
  // CHECK: qk.quantize %{{.*}} residual(%{{.*}}) norm layer(%{{.*}}, %{{.*}}) epsilon 9.99999974E-6
  // CHECK-SAME: gather(%{{.*}}) multiply(%{{.*}}) add(%{{.*}}) hadamard 32 format(<4, asymmetric>) group 32 include_zero clip 0.899999976 rounding_offsets(%{{.*}}) :
  // CHECK-SAME: -> tensor<?x128xui4>, tensor<?x4xf32> zero_points tensor<?x4xui8> sums tensor<?xi32> stream tensor<?x64xf16>
  %0:5 = qk.quantize %x residual(%x) norm layer(%w, %b) epsilon 1.0e-5 gather(%i) multiply(%f) add(%f) hadamard 32
      format(#qllm.int<4, asymmetric>) group 32 include_zero clip 0.9 rounding_offsets(%f)
      : (tensor<?x64xf16>, tensor<?x64xf16>, tensor<64xf16>, tensor<64xf32>, tensor<128xi32>, tensor<128xf32>, tensor<128xf32>,
         tensor<128xf32>) -> tensor<?x128xui4>, tensor<?x4xf32> zero_points tensor<?x4xui8> sums tensor<?xi32> stream tensor<?x64xf16>
  return
}

// CHECK-LABEL: func.func @gated
func.func @gated(%x: tensor<7x64xbf16>, %g: tensor<7x64xbf16>) {
  // CHECK: qk.quantize %{{.*}} gate(%{{.*}}) format(<4>) : (tensor<7x64xbf16>, tensor<7x64xbf16>) -> tensor<7x64xi4>, tensor<7xf32> sums
  %0:3 = qk.quantize %x gate(%g) format(#qllm.int<4>)
      : (tensor<7x64xbf16>, tensor<7x64xbf16>) -> tensor<7x64xi4>, tensor<7xf32> sums tensor<7xi32>
  return
}

// CHECK-LABEL: func.func @principal
func.func @principal(%x: tensor<?x64xf32>, %p: tensor<2x2x512xi8>, %t: tensor<4x1x512xi8>, %s: tensor<32xf32>, %i: tensor<96xi32>, %f: tensor<96xf32>) {
  // CHECK: qk.quantize %{{.*}} principal(%{{.*}}, %{{.*}}, %{{.*}}) split(%{{.*}}, %{{.*}}) format(<4>) rounding_offsets(%{{.*}}) :
  // CHECK-SAME: -> tensor<?x96xi4>, tensor<?xf32> sums tensor<?xi32> principal tensor<?x32xi8>, tensor<?xf32>
  %0:5 = qk.quantize %x principal(%p, %t, %s) split(%i, %f) format(#qllm.int<4>) rounding_offsets(%f)
      : (tensor<?x64xf32>, tensor<96xf32>, tensor<2x2x512xi8>, tensor<4x1x512xi8>, tensor<32xf32>, tensor<96xi32>, tensor<96xf32>)
     -> tensor<?x96xi4>, tensor<?xf32> sums tensor<?xi32> principal tensor<?x32xi8>, tensor<?xf32>
  return
}
