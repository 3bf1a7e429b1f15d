// Bits count everything that a quantized layer needs, per weight of the model as it was before channels were split.
// RUN: qllm inspect %s --quiet | FileCheck %s
// RUN: qllm inspect %s --quiet --json | FileCheck %s --check-prefix=JSON

// 24 bytes of codes, 32 of scales, 4 of the table of splits, 24 of rounding offsets, 16 of means, 32 of the bias: 132 for
// 8 x 4 weights; the branch adds 112 bytes, and 28 multiply-accumulates to the 48 of the split product, where there were 32.
// CHECK: weights {{ *}}inputs {{ *}}layers {{ *}}% weights {{ *}}% MACs {{ *}}bits
// CHECK: f32, branch {{ *}}uint8 per token {{ *}}1 {{.*}} 36.84 {{ *}}-
// CHECK: int4 per channel {{ *}}uint8 per token {{ *}}1 {{.*}} 63.16 {{ *}}33.000
// CHECK: 1 of 1 layers quantized
// CHECK: 61.000 bits a quantized weight, all that serves it counted; +137.50 % MACs by split channels and branches
// JSON-DAG: "bits_per_weight": 61.0
// JSON-DAG: "bits_per_weight": 33.0
// JSON-DAG: "extra_bytes": 76
// JSON-DAG: "mac_overhead": 1.375

!x = !qllm.quantized<?x6, #qllm.int<8, asymmetric>, per_token>
!w = !qllm.quantized<8x6, #qllm.int<4>, per_channel<0>>

func.func @main(%x: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %mean = onnx.Initializer "mean" = dense<0.5> : tensor<4xf32>
  %offsets = onnx.Initializer "offsets" = dense<[0.0, -0.25, 0.25, -0.25, 0.25, 0.0]> : tensor<6xf32>
  %codes = onnx.Initializer "w_codes" = dense<1> : tensor<8x6xi4>
  %scales = onnx.Initializer "w_scales" = dense<1.0> : tensor<8xf32>
  %bias = onnx.Initializer "bias" = dense<1.0> : tensor<8xf32>
  %a = onnx.Initializer "a" = dense<1.0> : tensor<2x6xf32>
  %b = onnx.Initializer "b" = dense<1.0> : tensor<8x2xf32>
  %0 = qllm.shift_channels %x by %mean inverse : tensor<?x4xf32>, tensor<4xf32>
  %1 = qllm.split_channels %0 parts [1, 2, 2, 1] rounding_offsets : tensor<?x4xf32>
  %q = qllm.quantize %1 rounding_offsets(%offsets : tensor<6xf32>) : tensor<?x6xf32> -> !x
  %w = qllm.pack %codes, %scales : (tensor<8x6xi4>, tensor<8xf32>) -> !w
  %2 = qllm.linear %q, %w bias(%bias) : (!x, !w, tensor<8xf32>) -> tensor<?x8xf32>
  %3 = qllm.low_rank %q, %a, %b : (!x, tensor<2x6xf32>, tensor<8x2xf32>) -> tensor<?x8xf32>
  %4 = onnx.Add(%2, %3) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  onnx.Return %4 : tensor<?x8xf32>
}
