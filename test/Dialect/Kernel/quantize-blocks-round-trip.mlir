// qk.quantize_blocks and qk.tensor_scale print and parse with all their parts and with none, in the readable and in the generic form.
// RUN: qllm-opt %s | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -mlir-print-op-generic | qllm-opt | FileCheck %s
// RUN: qllm-opt %s -emit-bytecode | qllm-opt | FileCheck %s

// CHECK-LABEL: func.func @plain
func.func @plain(%x: tensor<?x64xf32>, %a: tensor<1xi32>) {
  // CHECK: %{{.*}}, %{{.*}} = qk.quantize_blocks %{{.*}} : (tensor<?x64xf32>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E8M0FNU>{{$}}
  %0:2 = qk.quantize_blocks %x : (tensor<?x64xf32>) -> tensor<?x64xf4E2M1FN>, tensor<?x1x512xf8E8M0FNU>
  // CHECK: qk.tensor_scale %{{.*}} arrivals(%{{.*}}) : (tensor<?x64xf32>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>{{$}}
  %1:3 = qk.tensor_scale %x arrivals(%a) : (tensor<?x64xf32>, tensor<1xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<1xi32>
  return
}

// CHECK-LABEL: func.func @all
func.func @all(%x: tensor<?x64xf16>, %w: tensor<64xf16>, %b: tensor<64xf32>, %i: tensor<128xi32>, %f: tensor<128xf32>, %t: tensor<1xf32>,
               %a: tensor<3xi32>) {
  // CHECK: qk.quantize_blocks %{{.*}} residual(%{{.*}}) norm layer(%{{.*}}, %{{.*}}) epsilon 9.99999974E-6
  // CHECK-SAME: gather(%{{.*}}) multiply(%{{.*}}) add(%{{.*}}) hadamard 32 tensor_scale(%{{.*}}) clip 0.899999976 :
  // CHECK-SAME: -> tensor<?x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN> stream tensor<?x64xf16>
  %0:3 = qk.quantize_blocks %x residual(%x) norm layer(%w, %b) epsilon 1.0e-5 gather(%i) multiply(%f) add(%f) hadamard 32
      tensor_scale(%t) clip 0.9
      : (tensor<?x64xf16>, tensor<?x64xf16>, tensor<64xf16>, tensor<64xf32>, tensor<128xi32>, tensor<128xf32>, tensor<128xf32>,
         tensor<1xf32>) -> tensor<?x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN> stream tensor<?x64xf16>
  // CHECK: qk.tensor_scale %{{.*}} residual(%{{.*}}) norm layer(%{{.*}}, %{{.*}}) epsilon 9.99999974E-6
  // CHECK-SAME: gather(%{{.*}}) multiply(%{{.*}}) add(%{{.*}}) hadamard 32 arrivals(%{{.*}}) clip 0.899999976 :
  // CHECK-SAME: -> tensor<1xf32>, tensor<?xf32>, tensor<3xi32> stream tensor<?x64xf16>
  %1:4 = qk.tensor_scale %x residual(%x) norm layer(%w, %b) epsilon 1.0e-5 gather(%i) multiply(%f) add(%f) hadamard 32
      arrivals(%a) clip 0.9
      : (tensor<?x64xf16>, tensor<?x64xf16>, tensor<64xf16>, tensor<64xf32>, tensor<128xi32>, tensor<128xf32>, tensor<128xf32>,
         tensor<3xi32>) -> tensor<1xf32>, tensor<?xf32>, tensor<3xi32> stream tensor<?x64xf16>
  return
}

// CHECK-LABEL: func.func @gated
func.func @gated(%x: tensor<7x64xbf16>, %g: tensor<7x64xbf16>) {
  // CHECK: qk.quantize_blocks %{{.*}} gate(%{{.*}}) : (tensor<7x64xbf16>, tensor<7x64xbf16>) -> tensor<7x64xf4E2M1FN>, tensor<1x1x512xf8E4M3FN>
  %0:2 = qk.quantize_blocks %x gate(%g) : (tensor<7x64xbf16>, tensor<7x64xbf16>) -> tensor<7x64xf4E2M1FN>, tensor<1x1x512xf8E4M3FN>
  return
}
