// Low-rank branches beside products.
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16" | FileCheck %s
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 round-branches=false explain" 2>&1 | FileCheck %s --check-prefix=LEFT
// RUN: qllm-opt %s -split-input-file -convert-qllm-to-kernel="targets=sm_80 rows=16 explain" -o /dev/null 2>&1 | FileCheck %s --check-prefix=EXPLAIN

// Beside eight bits the thin product is one of bytes, and the wide one a part of the product; a rank of 8 is filled up to
// 32, inputs by what is there already and the weight by zeros.

// CHECK-LABEL: func.func @bytes
// CHECK: %[[X:.*]], %[[SX:.*]], %[[ZX:.*]] = qk.quantize %arg0 format(<8, asymmetric>)
// CHECK: %[[THIN:.*]] = qk.linear %[[X]], %{{.*}} zero_points(%[[ZX]], %{{.*}}) formats(<8, asymmetric>, <8>){{.*}} -> tensor<?x8xf32>
// CHECK: %[[Z:.*]], %[[SZ:.*]] = qk.quantize %[[THIN]] gather(%{{.*}}) format(<8>){{.*}} -> tensor<?x32xi8>
// CHECK: %[[UP:.*]] = qk.pad_weight %{{.*}} : tensor<64x8xi8> -> tensor<64x32xi8>
// CHECK: %[[Y:.*]] = qk.linear %[[X]], %{{.*}} low_rank(%[[Z]], %[[SZ]], %[[UP]], %{{.*}}) formats(<8, asymmetric>, <4>)
// CHECK-NOT: onnx.Add
// CHECK: return %[[Y]]

// LEFT-LABEL: remark: no kernel: expected round-branches for a low-rank branch, whose kernels take eight bits
// LEFT: func.func @bytes
// LEFT: qllm.low_rank
// LEFT: onnx.Add

// EXPLAIN: remark: kernel: sm_80: 16x64x{{.*}} warps
// EXPLAIN: remark: kernel: with a low-rank branch of 32; sm_80: 16x64x{{.*}} warps
func.func @bytes(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %dc = onnx.Initializer "down" = dense<5> : tensor<8x128xi8>
  %ds = onnx.Initializer "down_scales" = dense<0.25> : tensor<8xf32>
  %down = qllm.pack %dc, %ds : (tensor<8x128xi8>, tensor<8xf32>) -> !qllm.quantized<8x128, #qllm.int<8>, per_channel<0>>
  %uc = onnx.Initializer "up" = dense<7> : tensor<64x8xi8>
  %up = qllm.pack %uc, %s : (tensor<64x8xi8>, tensor<64xf32>) -> !qllm.quantized<64x8, #qllm.int<8>, per_channel<0>>
  %q = qllm.quantize %x : tensor<?x128xf32> -> !qllm.quantized<?x128, #qllm.int<8, asymmetric>, per_token>
  %0 = qllm.linear %q, %w : (!qllm.quantized<?x128, #qllm.int<8, asymmetric>, per_token>,
      !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.low_rank %q, %down, %up : (!qllm.quantized<?x128, #qllm.int<8, asymmetric>, per_token>,
      !qllm.quantized<8x128, #qllm.int<8>, per_channel<0>>, !qllm.quantized<64x8, #qllm.int<8>, per_channel<0>>) -> tensor<?x64xf32>
  %2 = onnx.Add(%0, %1) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// -----

// Beside four bits a factor of the thin product has two digits of four bits, here 127 = 119 steps = 16 * 7 + 7 of its
// largest, whose products are added where they are quantized. Factors that are floats become bytes.

// CHECK-LABEL: func.func @digits
// CHECK: qk.quantize %arg0 format(<4>)
// CHECK: %[[THIN:.*]] = qk.linear %{{.*}} formats(<4>, <4>){{.*}}, tensor<64x64xi4>, {{.*}} -> tensor<?x64xf32>
// CHECK: qk.quantize %[[THIN]] gather(%{{.*}}) format(<8>) : (tensor<?x64xf32>, tensor<2x32xi32>) -> tensor<?x32xi8>
// CHECK: qk.linear %{{.*}} low_rank(
// CHECK-NOT: onnx.Add
func.func @digits(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x64xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x64xi4>, tensor<64xf32>) -> !qllm.quantized<64x64, #qllm.int<4>, per_channel<0>>
  %down = onnx.Initializer "down" = dense<1.27> : tensor<32x64xf32>
  %up = onnx.Initializer "up" = dense<0.25> : tensor<64x32xf32>
  %q = qllm.quantize %x : tensor<?x64xf32> -> !qllm.quantized<?x64, #qllm.int<4>, per_token>
  %0 = qllm.low_rank %q, %down, %up : (!qllm.quantized<?x64, #qllm.int<4>, per_token>, tensor<32x64xf32>, tensor<64x32xf32>) -> tensor<?x64xf32>
  %1 = qllm.linear %q, %w : (!qllm.quantized<?x64, #qllm.int<4>, per_token>,
      !qllm.quantized<64x64, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %2 = onnx.Add(%0, %1) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// -----

// Beside floats the thin product gives what the wide one reads, 16 bits with no quantization between.

// CHECK-LABEL: func.func @floats
// CHECK: %[[Z:.*]] = qk.weight_only_linear %{{.*}} format(<8>){{.*}} -> tensor<?x32xf16>
// CHECK: %[[Y:.*]] = qk.weight_only_linear %{{.*}} low_rank(%[[Z]], %{{.*}}, %{{.*}}) format(<4>){{.*}}, tensor<64x32xi8>, {{.*}} -> tensor<?x64xf32>
// CHECK-NOT: onnx.Add
// CHECK: return %[[Y]]
// EXPLAIN: remark: kernel: sm_80: {{.*}} warps
// EXPLAIN: remark: kernel: with a low-rank branch of 32; sm_80: {{.*}} warps
func.func @floats(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %down = onnx.Initializer "down" = dense<1.27> : tensor<32x128xf32>
  %up = onnx.Initializer "up" = dense<0.25> : tensor<64x32xf32>
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.low_rank %x, %down, %up : (tensor<?x128xf32>, tensor<32x128xf32>, tensor<64x32xf32>) -> tensor<?x64xf32>
  %2 = onnx.Add(%0, %1) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}

// -----

// Nothing is left of a branch that has no kernel.

// CHECK-LABEL: func.func @no_constant
// CHECK-NEXT: qllm.low_rank
// CHECK-NEXT: return
// EXPLAIN: remark: no kernel: expected constant and finite factors of a low-rank branch
func.func @no_constant(%x: tensor<?x128xf32>, %down: tensor<32x128xf32>, %up: tensor<64x32xf32>) -> tensor<?x64xf32> {
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x128xf32>, tensor<32x128xf32>, tensor<64x32xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// Beside floats ranks are filled up to what kernels take.

// CHECK-LABEL: func.func @odd_rank
// CHECK-DAG: Initializer "{{.*}}_padded_codes" = {{.*}} : tensor<16x128xi8>
// CHECK-DAG: Initializer "{{.*}}_padded_codes" = {{.*}} : tensor<64x16xi8>
// CHECK-NOT: Initializer{{.*}}tensor<3x128xi8>
// CHECK: qk.weight_only_linear %{{.*}} -> tensor<?x16xf16>
// CHECK: qk.weight_only_linear %{{.*}} -> tensor<?x64xf32>
// EXPLAIN: remark: kernel: sm_80: {{.*}} warps
// EXPLAIN: remark: kernel: a low-rank branch by itself, as no product with a kernel for both is added to it and to nothing else; sm_80: {{.*}} warps
func.func @odd_rank(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %down = onnx.Initializer "down" = dense<1.27> : tensor<3x128xf32>
  %up = onnx.Initializer "up" = dense<0.25> : tensor<64x3xf32>
  %0 = qllm.low_rank %x, %down, %up : (tensor<?x128xf32>, tensor<3x128xf32>, tensor<64x3xf32>) -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// -----

// What the product or the wide one gives is read by others too: both are stored, and added by an operation.

// CHECK-LABEL: func.func @other_readers
// CHECK-COUNT-3: qk.weight_only_linear
// CHECK: onnx.Add
// EXPLAIN: remark: kernel: sm_80: {{.*}} warps
// EXPLAIN: remark: kernel: sm_80: {{.*}} warps
// EXPLAIN: remark: kernel: a low-rank branch by itself, as no product with a kernel for both is added to it and to nothing else; sm_80: {{.*}} warps
func.func @other_readers(%x: tensor<?x128xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %down = onnx.Initializer "down" = dense<1.27> : tensor<32x128xf32>
  %up = onnx.Initializer "up" = dense<0.25> : tensor<64x32xf32>
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.low_rank %x, %down, %up : (tensor<?x128xf32>, tensor<32x128xf32>, tensor<64x32xf32>) -> tensor<?x64xf32>
  %2 = onnx.Add(%0, %1) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// -----

// A rank that no kernel has in its epilogue.

// CHECK-LABEL: func.func @large_rank
// CHECK-COUNT-3: qk.weight_only_linear
// CHECK: onnx.Add
// EXPLAIN: remark: kernel: without its low-rank branch: sm_80: expected a rank that is a multiple of 16 and at most 1024, but got 1040; sm_80: {{.*}} warps
func.func @large_rank(%x: tensor<?x128xf32>) -> tensor<?x64xf32> {
  %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
  %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
  %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
  %down = onnx.Initializer "down" = dense<1.27> : tensor<1025x128xf32>
  %up = onnx.Initializer "up" = dense<0.25> : tensor<64x1025xf32>
  %0 = qllm.linear %x, %w : (tensor<?x128xf32>, !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<?x64xf32>
  %1 = qllm.low_rank %x, %down, %up : (tensor<?x128xf32>, tensor<1025x128xf32>, tensor<64x1025xf32>) -> tensor<?x64xf32>
  %2 = onnx.Add(%1, %0) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
  return %2 : tensor<?x64xf32>
}
