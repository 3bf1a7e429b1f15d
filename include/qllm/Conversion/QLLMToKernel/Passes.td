// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantized models as kernels for GPUs.

#ifndef QLLM_CONVERSION_QLLMTOKERNEL_PASSES_TD
#define QLLM_CONVERSION_QLLMTOKERNEL_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertQLLMToKernel : Pass<"convert-qllm-to-kernel", "::mlir::ModuleOp"> {
  let summary = "express what there are kernels for in operations of the qk dialect";
  let description = [{
    A `qllm.linear` of a dynamically quantized input (per token, or in the groups of the weight) and a packed integer weight (per channel, or
    in groups) becomes a `qk.linear`, and one of NVFP4 or MXFP4 on both sides a `qk.block_scaled_linear`. Activations are seen as matrices: all dimensions but the last are rows. Weights get the order that
    the kernel wants, and the sums that corrections for zero points need, as operations on constants, which
    `fold-kernel-weights` computes.

    An addition behind a product, which nothing else reads, becomes its `residual`.

    Inputs are quantized by `qk.quantize`, or by `qk.quantize_blocks` behind a `qk.tensor_scale` where the type has a scale of the tensor, together with channel transforms in front of them and a residual addition, an RMS or
    layer norm, or a SiLU gate in front of those; without `fuse`, by `qllm.quantize`, so that nothing but products of codes leaves
    the interpreter's form. Transforms become one table of sources, factors and offsets and a Hadamard rotation behind it, as far
    back as they can; rotations by other matrices, and what is in front of a rotation that others follow, stay operations.
    A principal part that is taken off between transforms becomes part of it too, if only splits follow, its directions and symmetric codes have eight bits
    and nobody else reads what is left; the wide products of its codes become part of the `qk.linear` that each is added to.

    Codes of inputs of up to four bits lie two to a byte, or one to a byte where that gives more products of the tensor a kernel, or where no target
    multiplies four bits as they are and the model finds all products of the tensor together faster with bytes, on every target (wgmma on sm_90a).

    Rows of another length than kernels read (16 bytes) are filled up: inputs by their last channel again, which changes no
    range, and weights by codes that stand for zero. That needs zero points of weights that are codes.

    A product of a float input and a packed integer weight becomes a `qk.weight_only_linear`. Its kernels take 16 bits, so
    inputs are rounded to `float-type`: f16 is within 2^-11 of an element and reaches 65504; bf16 is within 2^-8, has the
    range of f32, and serves weights with zero points of up to 4 bits only. Results stay what they are.

    A low-rank branch becomes a thin and a wide product of eight-bit factors. Beside integers, what the thin one gives is
    quantized to eight bits for each token, within 1/254 of the token's largest, and the wide one is part of the `qk.linear` that the branch is
    added to (`low_rank`); beside floats the thin one's result is rounded to `float-type`, and the wide one is part of the `qk.weight_only_linear`. A wide product whose
    parts are read by others too stays a kernel of its own. Factors that are floats are rounded to eight bits for each row, and
    the thin one beside four-bit inputs to sixteen times a four-bit number plus another, within 1/238 of the largest of a row. Without `round-branches` a branch
    stays an operation.

    Schedules come from a list of candidates by a model of their cost on the target, for `rows` rows; with several targets,
    each has its own. With several numbers of rows, `rows=1,16,512`, a product gets a schedule for each: the first up to one row, the second up
    to 16, the last for more, less those that would be equal. The launch chooses between them when it runs. They read the same weights in the same order. `schedule` forces one, `explain` has every choice told in a remark.

    What has no kernel stays as it is, with the reason in a remark if `explain` is on, and in a warning if a schedule was asked for.

    ```mlir
    // RUN: qllm-opt --convert-qllm-to-kernel="targets=sm_80 rows=16"
    func.func @main(%x: tensor<16x128xf32>) -> tensor<16x64xf32> {
      %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
      %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
      %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
      %q = qllm.quantize %x : tensor<16x128xf32> -> !qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>
      %y = qllm.linear %q, %w : (!qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>,
          !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<16x64xf32>
      onnx.Return %y : tensor<16x64xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<16x128xf32>) -> tensor<16x64xf32> {
      %0 = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
      %1 = onnx.Initializer "s" = dense<5.000000e-01> : tensor<64xf32>
      %2 = qk.code_sums %0 : tensor<64x128xi4> -> tensor<64xi32>
      %3 = qk.shuffle_weight %0 layout(<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<64x128xi4> -> tensor<4x2x512xi8>
      %codes, %scales, %zero_points = qk.quantize %arg0 format(<8, asymmetric>)
          : (tensor<16x128xf32>) -> tensor<16x128xui8>, tensor<16xf32> zero_points tensor<16xi32>
      %4 = qk.linear %codes, %3 scales(%scales, %1) zero_points(%zero_points, %2) formats(<8, asymmetric>, <4>)
          schedule(#qk.schedule<tile = [16, 64, 128], warps = [1, 4], stages = 4>)
              layout(<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>)
                  : (tensor<16x128xui8>, tensor<4x2x512xi8>, tensor<16xf32>, tensor<64xf32>, tensor<16xi32>, tensor<64xi32>) -> tensor<16x64xf32>
      onnx.Return %4 : tensor<16x64xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::qk::KernelDialect", "::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let options = [
    ListOption<"targets", "targets", "std::string", "architectures that schedules are chosen for, such as sm_80,sm_90a">,
    ListOption<"rows", "rows", "int64_t", "rows (tokens) that schedules are chosen for, 2048 unless given; several, ascending, for a kernel for each; at most 268435456">,
    Option<"schedule", "schedule", "std::string", "", "a #qk.schedule that every kernel gets">,
    Option<"fuse", "fuse", "bool", "true", "quantize inputs by kernels, with what comes before them">,
    Option<"floatType", "float-type", "std::string", "\"f16\"", "what float inputs of packed weights are rounded to: f16, bf16, or none to leave such products alone">,
    Option<"roundBranches", "round-branches", "bool", "true", "round what low-rank branches compute to eight bits, which their kernels take">,
    Option<"explain", "explain", "bool", "false", "say why each schedule was chosen, and what has no kernel">
  ];
  let statistics = [
    Statistic<"numConverted", "num-converted", "products that became kernels">,
    Statistic<"numLeft", "num-left", "products without a kernel">
  ];
}

def PageKVCache : Pass<"page-kv-cache", "::mlir::ModuleOp"> {
  let summary = "let a decoder go on where a paged cache of quantized keys and values ends";
  let description = [{
    Every causal attention of the function, whose keys and values are quantized by their own range, becomes `qk.append_kv` and
    `qk.attention`. The function takes one sequence (its batch is 1) and gets new arguments: `positions`, the place of each given
    token in the sequence; `pages`, the pages of the sequence in its caches; and a cache for each attention. The caches with the
    new tokens are new results. So the same function reads a prompt, and then each token that follows.

    Tables of rotary embeddings are computed for all positions that the pages have room for.

    A constant for each channel of a head that is taken off keys right in front of their quantizers (`center-for-cache` of
    `qllm-quantize-sites`), or off rows of queries and added back as the embedding turns it, is the `center` of these operations.

    With `splits` above 1, so many blocks share the tokens of a tile of queries, and `qk.combine_attention` puts their sums together. Where few
    rows (`rows`, 1 unless given) look at a long sequence, one block for each head of the cache leaves most multiprocessors idle.
    `splits=auto` takes the number that a model of costs finds best on `targets` for that many rows at the end of `length` tokens, the
    greatest of several targets; 1 where nothing is gained, as for a prompt. All rows that the function is given are split alike, and a
    split of n rows takes n rows of f32 in memory, so a number of splits is for tokens that are decoded.

    An attention of another kind (a mask that is not causal, keys that stay floats, a cache of its own, a mean that is added back
    to keys at every position) is an error.

    ```mlir
    // RUN: qllm-opt --page-kv-cache --canonicalize --cse
    func.func @main(%q: tensor<1x?x128xf32>, %k: tensor<1x?x64xf32>, %v: tensor<1x?x64xf32>) -> tensor<1x?x128xf32> {
      %sq = onnx.Initializer "sq" = dense<[0, 0, 2, 64]> : tensor<4xi64>
      %sk = onnx.Initializer "sk" = dense<[0, 0, 1, 64]> : tensor<4xi64>
      %sy = onnx.Initializer "sy" = dense<[0, 0, 128]> : tensor<3xi64>
      %q0 = onnx.Reshape(%q, %sq) : (tensor<1x?x128xf32>, tensor<4xi64>) -> tensor<1x?x2x64xf32>
      %k0 = onnx.Reshape(%k, %sk) : (tensor<1x?x64xf32>, tensor<4xi64>) -> tensor<1x?x1x64xf32>
      %v0 = onnx.Reshape(%v, %sk) : (tensor<1x?x64xf32>, tensor<4xi64>) -> tensor<1x?x1x64xf32>
      %q1 = onnx.Transpose(%q0) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x2x64xf32>) -> tensor<1x2x?x64xf32>
      %k1 = onnx.Transpose(%k0) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x1x64xf32>) -> tensor<1x1x?x64xf32>
      %v1 = onnx.Transpose(%v0) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x?x1x64xf32>) -> tensor<1x1x?x64xf32>
      %q2 = qllm.quantize %q1 : tensor<1x2x?x64xf32> -> !qllm.quantized<1x2x?x64, #qllm.int<8>, per_token>
      %k2 = qllm.quantize %k1 : tensor<1x1x?x64xf32> -> !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token>
      %v2 = qllm.quantize %v1 : tensor<1x1x?x64xf32> -> !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token>
      %q3 = qllm.dequantize %q2 : !qllm.quantized<1x2x?x64, #qllm.int<8>, per_token> -> tensor<1x2x?x64xf32>
      %k3 = qllm.dequantize %k2 : !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token> -> tensor<1x1x?x64xf32>
      %v3 = qllm.dequantize %v2 : !qllm.quantized<1x1x?x64, #qllm.int<4, asymmetric>, per_token> -> tensor<1x1x?x64xf32>
      %a = onnx.Attention(%q3, %k3, %v3) {is_causal = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0, 0, 0>,
          resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<1x2x?x64xf32>, tensor<1x1x?x64xf32>, tensor<1x1x?x64xf32>) -> tensor<1x2x?x64xf32>
      %t = onnx.Transpose(%a) {perm = array<i64: 0, 2, 1, 3>} : (tensor<1x2x?x64xf32>) -> tensor<1x?x2x64xf32>
      %y = onnx.Reshape(%t, %sy) : (tensor<1x?x2x64xf32>, tensor<3xi64>) -> tensor<1x?x128xf32>
      return %y : tensor<1x?x128xf32>
    }
    ```
    becomes
    ```mlir
    func.func @main(%q: tensor<1x?x128xf32>, %k: tensor<1x?x64xf32>, %v: tensor<1x?x64xf32>,
                    %positions: tensor<?xi32> {onnx.name = "positions"}, %pages: tensor<?xi32> {onnx.name = "pages"},
                    %cache: tensor<?x1x5120xi8> {onnx.name = "cache.0"}) -> (tensor<1x?x128xf32>, tensor<?x1x5120xi8> {onnx.name = "cache.0.out"}) {
      %0 = onnx.Constant() {value = dense<[-1, 64]> : tensor<2xi64>} : () -> tensor<2xi64>
      %1 = onnx.Reshape(%k, %0) : (tensor<1x?x64xf32>, tensor<2xi64>) -> tensor<?x64xf32>
      %2 = onnx.Reshape(%v, %0) : (tensor<1x?x64xf32>, tensor<2xi64>) -> tensor<?x64xf32>
      %3 = qk.append_kv %1, %2 into(%cache) at(%positions, %pages) formats(<4, asymmetric>, <4, asymmetric>) page_tokens 64
          : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x1x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x1x5120xi8>
      %4 = onnx.Constant() {value = dense<[-1, 128]> : tensor<2xi64>} : () -> tensor<2xi64>
      %5 = onnx.Reshape(%q, %4) : (tensor<1x?x128xf32>, tensor<2xi64>) -> tensor<?x128xf32>
      %6 = qk.attention %5 over(%3) at(%positions, %pages) heads 2 query_format(<8>) formats(<4, asymmetric>, <4, asymmetric>) page_tokens 64 scale 1.250000e-01 warps 4
          : (tensor<?x128xf32>, tensor<?x1x5120xi8>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x128xf32>
      %7 = onnx.Shape(%q) {end = 2 : i64, start = 0 : i64} : (tensor<1x?x128xf32>) -> tensor<2xi64>
      %8 = onnx.Constant() {value = dense<128> : tensor<1xi64>} : () -> tensor<1xi64>
      %9 = onnx.Concat(%7, %8) {axis = 0 : i64} : (tensor<2xi64>, tensor<1xi64>) -> tensor<3xi64>
      %10 = onnx.Reshape(%6, %9) : (tensor<?x128xf32>, tensor<3xi64>) -> tensor<1x?x128xf32>
      return %10, %3 : tensor<1x?x128xf32>, tensor<?x1x5120xi8>
    }
    ```
  }];
  let dependentDialects = ["::qllm::qk::KernelDialect", "::qllm::onnx::ONNXDialect"];
  let options = [
    Option<"function", "function", "std::string", "\"main\"", "the function that gets caches">,
    Option<"pageTokens", "page-tokens", "int64_t", "64", "tokens of a page">,
    Option<"splits", "splits", "std::string", "\"1\"", "blocks that share the tokens of a tile of queries, 1 to 64, or auto to choose by the options below">,
    ListOption<"targets", "targets", "std::string", "architectures that splits are chosen for, such as sm_80,sm_90a">,
    Option<"rows", "rows", "int64_t", "1", "rows (tokens) of a step that splits are chosen for">,
    Option<"length", "length", "int64_t", "2048", "tokens that the sequence is expected to have then">,
    Option<"explain", "explain", "bool", "false", "say why each attention got its splits">
  ];
  let statistics = [Statistic<"numAttentions", "num-attentions", "attentions with a cache">];
}

def FoldKernelWeights : Pass<"fold-kernel-weights", "::mlir::ModuleOp"> {
  let summary = "compute what kernels want of weights";
  let description = [{
    Every `qk.shuffle_weight`, `qk.shuffle_scales`, `qk.pad_weight` and `qk.code_sums` of constants becomes a constant. One that is
    shuffled says by `qk.layout` and `qk.row_major` what it was.

    ```mlir
    // RUN: qllm-opt --convert-qllm-to-kernel="targets=sm_80 rows=16" --fold-kernel-weights
    func.func @main(%x: tensor<16x128xf32>) -> tensor<16x64xf32> {
      %c = onnx.Initializer "c" = dense<3> : tensor<64x128xi4>
      %s = onnx.Initializer "s" = dense<0.5> : tensor<64xf32>
      %w = qllm.pack %c, %s : (tensor<64x128xi4>, tensor<64xf32>) -> !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>
      %q = qllm.quantize %x : tensor<16x128xf32> -> !qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>
      %y = qllm.linear %q, %w : (!qllm.quantized<16x128, #qllm.int<8, asymmetric>, per_token>,
          !qllm.quantized<64x128, #qllm.int<4>, per_channel<0>>) -> tensor<16x64xf32>
      onnx.Return %y : tensor<16x64xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::qk::KernelDialect"];
  let statistics = [Statistic<"numFolded", "num-folded", "constants computed">];
}

def UnfoldKernelWeights : Pass<"unfold-kernel-weights", "::mlir::ModuleOp"> {
  let summary = "bring weights back from the order of kernels";
  let description = [{
    Every constant with a `qk.layout` becomes the row-major one that `fold-kernel-weights` had, to the bit, behind it the
    `qk.shuffle_weight` or `qk.shuffle_scales` that makes the same of it again; so the module computes what it did. A weight whose rows were filled up keeps
    the filling. Works on modules whose kernels are compiled.

    ```mlir
    // RUN: qllm-opt --unfold-kernel-weights
    func.func @main() -> tensor<1x1x512xi8> {
      %0 = onnx.Initializer "w_shuffled" = dense<17> : tensor<1x1x512xi8>
          {qk.layout = #qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>, qk.row_major = tensor<8x64xui4>}
      return %0 : tensor<1x1x512xi8>
    }
    ```
    then has

    ```
    %0 = onnx.Initializer "w" = dense_resource<w> : tensor<8x64xui4>
    %1 = qk.shuffle_weight %0 layout(<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>) : tensor<8x64xui4> -> tensor<1x1x512xi8>
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::qk::KernelDialect"];
  let statistics = [Statistic<"numUnfolded", "num-unfolded", "constants brought back">];
}

#endif // QLLM_CONVERSION_QLLMTOKERNEL_PASSES_TD
