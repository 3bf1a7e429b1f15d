// Products of four-bit floats with scales of blocks.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_120a rows=16" | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_120a rows=16 fuse=false" | FileCheck %s --check-prefix=APART
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_120a rows=16" -fold-kernel-weights | FileCheck %s --check-prefix=FOLDED
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_90a explain" -o /dev/null 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_100a explain" -o /dev/null 2>&1 | FileCheck %s --check-prefix=TENSOR

#nv = #qllm.float<e2m1>

// Two products of one input, which is quantized once, below its scale, which is found once; by kernels, or by operations of the
// interpreter.

// CHECK-LABEL: func.func @nvfp4
// CHECK-COUNT-1: qk.shuffle_scales %{{.*}} : tensor<64x8xf8E4M3FN> -> tensor<1x2x512xf8E4M3FN>
// CHECK: %[[TW:.*]] = onnx.Reshape(%{{.*}}) : (tensor<f32>, tensor<1xi64>) -> tensor<1xf32>
// CHECK: %[[ROWS:.*]] = onnx.Reshape(%arg0, {{.*}} -> tensor<?x128xf32>
// CHECK: %[[A:.*]] = onnx.Initializer "arrivals" = dense<0> : tensor<1xi32>
// CHECK: %[[TX:.*]], %{{.*}}, %{{.*}} = qk.tensor_scale %[[ROWS]] arrivals(%[[A]])
// CHECK: %[[X:.*]], %[[SX:.*]] = qk.quantize_blocks %[[ROWS]] tensor_scale(%[[TX]]) : (tensor<?x128xf32>, tensor<1xf32>) -> tensor<?x128xf4E2M1FN>, tensor<?x2x512xf8E4M3FN>
// CHECK-NOT: qk.quantize_blocks
// CHECK: qk.block_scaled_linear %[[X]], %{{.*}} scales(%[[SX]], %{{.*}}) tensor_scale(%[[TX]], %[[TW]]) schedule(#qk.schedule<tile = [16,
// CHECK: qk.block_scaled_linear %[[X]], %{{.*}} scales(%[[SX]], %{{.*}}) tensor_scale(%[[TX]], %[[TW]]) bias(
// APART-LABEL: func.func @nvfp4
// APART: %[[ROWS:.*]] = onnx.Reshape(%arg0, {{.*}} -> tensor<?x128xf32>
// APART: %[[Q:.*]] = qllm.quantize %[[ROWS]] : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
// APART: %[[P:.*]]:3 = qllm.unpack %[[Q]]
// APART: %[[SX:.*]] = qk.shuffle_scales %[[P]]#1 : tensor<?x8xf8E4M3FN> -> tensor<?x2x512xf8E4M3FN>
// APART: %[[TX:.*]] = onnx.Reshape(%[[P]]#2, {{.*}} -> tensor<1xf32>
// APART: qk.block_scaled_linear %[[P]]#0, %{{.*}} scales(%[[SX]], %{{.*}}) tensor_scale(%[[TX]], %{{.*}}) schedule(
// FOLDED-LABEL: func.func @nvfp4
// FOLDED: onnx.Initializer "s_shuffled" = {{.*}} : tensor<1x2x512xf8E4M3FN>
// NONE: no kernel: sm_90a: needs block-scaled mma (mma.sync.block_scale), which sm_90a does not have; it is there on sm_120a; elsewhere:
// TENSOR: kernel: sm_100a: 128x128x256 on 4x1 warps, 3 stages, a producer:
// TENSOR-NOT: no producer
func.func @nvfp4(%x: tensor<?x?x128xf32>) -> (tensor<?x?x64xf32>, tensor<?x?x64xf32>) {
  %c = onnx.Initializer "c" = dense<1.5> : tensor<64x128xf4E2M1FN>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x8xf8E4M3FN>
  %t = onnx.Initializer "t" = dense<0.25> : tensor<f32>
  %b = onnx.Initializer "b" = dense<0.25> : tensor<64xf32>
  %w = qllm.pack %c, %s tensor_scale(%t) : (tensor<64x128xf4E2M1FN>, tensor<64x8xf8E4M3FN>, tensor<f32>)
      -> !qllm.quantized<64x128, #nv, group<1, 16>, scale = e4m3, tensor_scale>
  %q = qllm.quantize %x : tensor<?x?x128xf32> -> !qllm.quantized<?x?x128, #nv, group<2, 16>, scale = e4m3, tensor_scale>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x?x128, #nv, group<2, 16>, scale = e4m3, tensor_scale>,
      !qllm.quantized<64x128, #nv, group<1, 16>, scale = e4m3, tensor_scale>) -> tensor<?x?x64xf32>
  %1 = qllm.linear %q, %w bias(%b) : (!qllm.quantized<?x?x128, #nv, group<2, 16>, scale = e4m3, tensor_scale>,
      !qllm.quantized<64x128, #nv, group<1, 16>, scale = e4m3, tensor_scale>, tensor<64xf32>) -> tensor<?x?x64xf32>
  return %0, %1 : tensor<?x?x64xf32>, tensor<?x?x64xf32>
}

// -----

// MXFP4 has no scales of tensors.

// CHECK-LABEL: func.func @mxfp4
// CHECK-NOT: qk.tensor_scale
// CHECK: qk.quantize_blocks %{{.*}} : (tensor<?x128xf32>) -> tensor<?x128xf4E2M1FN>, tensor<?x1x512xf8E8M0FNU>
// CHECK: qk.block_scaled_linear %{{.*}} scales(%{{.*}}, %{{.*}}) schedule(
func.func @mxfp4(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<1.5> : tensor<64x128xf4E2M1FN>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x4xf8E8M0FNU>
  %w = qllm.pack %c, %s : (tensor<64x128xf4E2M1FN>, tensor<64x4xf8E8M0FNU>) -> !qllm.quantized<64x128, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>,
      !qllm.quantized<64x128, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// A residual, whose sum the kernel of the scale stores, a norm and a split in front; only sm_100a and sm_120a have such quantizers.

// CHECK-LABEL: func.func @fused
// CHECK: %[[TX:.*]], %{{.*}}, %{{.*}}, %[[STREAM:.*]] = qk.tensor_scale %arg0 residual(%arg1) norm rms(%{{.*}}) epsilon {{.*}} gather(%[[INDEX:.*]]) multiply(%[[F:.*]]) arrivals(
// CHECK: qk.quantize_blocks %[[STREAM]] norm rms(%{{.*}}) epsilon {{.*}} gather(%[[INDEX]]) multiply(%[[F]]) tensor_scale(%[[TX]]) clip 0.89
// CHECK-NOT: onnx.Add
// CHECK: return %{{.*}}, %[[STREAM]]
func.func @fused(%x: tensor<?x120xf32>, %r: tensor<?x120xf32>) -> (tensor<?x64xf32>, tensor<?x120xf32>) {
  %c = onnx.Initializer "c" = dense<1.5> : tensor<64x128xf4E2M1FN>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x8xf8E4M3FN>
  %t = onnx.Initializer "t" = dense<0.25> : tensor<f32>
  %g = onnx.Initializer "g" = dense<0.5> : tensor<120xf32>
  %w = qllm.pack %c, %s tensor_scale(%t) : (tensor<64x128xf4E2M1FN>, tensor<64x8xf8E4M3FN>, tensor<f32>)
      -> !qllm.quantized<64x128, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
  %0 = onnx.Add(%x, %r) : (tensor<?x120xf32>, tensor<?x120xf32>) -> tensor<?x120xf32>
  %1 = onnx.RMSNormalization(%0, %g) {epsilon = 1.0e-5 : f32} : (tensor<?x120xf32>, tensor<120xf32>) -> tensor<?x120xf32>
  %2 = qllm.split_channels %1 parts [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2] : tensor<?x120xf32>
  %q = qllm.quantize %2 clip 0.9 : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>
  %3 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>,
      !qllm.quantized<64x128, #qllm.float<e2m1>, group<1, 16>, scale = e4m3, tensor_scale>) -> tensor<?x64xf32>
  return %3, %0 : tensor<?x64xf32>, tensor<?x120xf32>
}

// -----

// Another format on one side is no product of this kind.

// CHECK-LABEL: func.func @one_side
// CHECK: qllm.linear
func.func @one_side(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<1.5> : tensor<64x128xf4E2M1FN>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64x4xf8E8M0FNU>
  %w = qllm.pack %c, %s : (tensor<64x128xf4E2M1FN>, tensor<64x4xf8E8M0FNU>) -> !qllm.quantized<64x128, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.int<8>, per_token>,
      !qllm.quantized<64x128, #qllm.float<e2m1>, group<1, 32>, scale = ue8m0>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}
