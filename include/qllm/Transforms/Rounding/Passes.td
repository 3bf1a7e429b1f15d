// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding to nearest, as a plan and its application.

#ifndef QLLM_TRANSFORMS_ROUNDING_PASSES_TD
#define QLLM_TRANSFORMS_ROUNDING_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanRounding : Pass<"qllm-plan-rounding", "::mlir::ModuleOp"> {
  let summary = "decide format and granularity for every weight and activation";
  let description = [{
    Writes `qllm.plan` on every `qllm.linear` and `qllm.embedding`, and, with `kv-bits`, on the operations of attention
    that read queries, keys and values. Nothing else changes: a plan can be printed, edited and applied later by
    `qllm-quantize-weights` and `qllm-quantize-activations`.

    An operation that the options leave out on purpose gets `excluded = "reason"`; one that the options ask for but that
    cannot be quantized so gets `skipped = "reason"`, and a remark. The embedding (the largest table) and the `lm_head`
    (the product that shares the table, or has as many outputs as the table has rows) are excluded unless asked for. A
    table that both use is planned once: if only one of the two is asked for, both are left alone, because quantizing one
    would store the table twice.

    `targets` and `ignore` are globs over node names, output names and weight names; one that matches nothing fails the pass.
    Groups run along a row, over input channels, or with `group-axis=0` down a column, over output channels: then every input
    channel has scales of its own (arXiv 2309.15531, section 4).
    A group size that does not divide the width becomes the largest power of two below it that does (`adapt-groups`), with a
    remark; otherwise the operation is skipped and the reason lists the sizes that divide.

    Activations are planned per token, or in groups of `activation-group-size` channels, asymmetric unless
    `activation-symmetric`. `activation-format` names another format: mxfp4, mxfp6, mxfp8 and nvfp4 bring their groups and
    scales (the tensor scale of nvfp4 is then that of the whole input of a run). Keys, queries and values are planned per
    token and head, asymmetric unless `kv-symmetric`.

    ```mlir
    // RUN: qllm-opt --qllm-plan-rounding="weight-bits=4 activation-bits=8"
    func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %y = qllm.linear %x, %w {qllm.name = "fc"} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %0 = onnx.Initializer "w" = dense<[[7.000000e+00, 5.000000e-01], [1.000000e+00, -7.000000e+00]]> : tensor<2x2xf32>
      %1 = qllm.linear %arg0, %0 {qllm.name = "fc",
          qllm.plan = {operands = [!qllm.quantized<?x2, #qllm.int<8, asymmetric>, per_token>],
              weight = !qllm.quantized<2x2, #qllm.int<4, asymmetric>, per_channel<0>>}}
                  : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %1 : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let options = [
    Option<"weightBits", "weight-bits", "int64_t", "8", "bits of integer weights, 2 to 8; 16 keeps floats">,
    Option<"weightFormat", "weight-format", "std::string", "\"int\"",
           "int, e2m1, e2m3, e3m2, e4m3, e5m2, nf4, ternary, mxfp4, mxfp6, mxfp8 or nvfp4">,
    Option<"granularity", "granularity", "std::string", "\"channel\"", "of weights: tensor, channel or group">,
    Option<"groupSize", "group-size", "int64_t", "64", "elements of a row that share a scale, with granularity=group">,
    Option<"groupAxis", "group-axis", "int64_t", "1", "1 for groups of a row, 0 for groups of a column">,
    Option<"adaptGroups", "adapt-groups", "bool", "true", "take a smaller group where the size does not divide the width">,
    Option<"symmetric", "symmetric", "bool", "false", "integer weights without zero points">,
    Option<"scale", "scale", "std::string", "\"f32\"", "how scales of weights are stored: f32, f16 or bf16">,
    Option<"activationBits", "activation-bits", "int64_t", "16", "bits of the inputs of products, 2 to 8; 16 keeps floats">,
    Option<"activationFormat", "activation-format", "std::string", "\"int\"",
           "int, e2m1, e2m3, e3m2, e4m3, e5m2, nf4, ternary, mxfp4, mxfp6, mxfp8 or nvfp4">,
    Option<"activationGroupSize", "activation-group-size", "int64_t", "0",
           "channels of a token that share a scale; 0 for the whole token">,
    Option<"activationSymmetric", "activation-symmetric", "bool", "false", "activations without zero points">,
    Option<"kvBits", "kv-bits", "int64_t", "16", "bits of queries, keys and values, 2 to 8; 16 keeps floats">,
    Option<"queryBits", "query-bits", "int64_t", "0", "bits of queries alone; 0 for those of kv-bits">,
    Option<"keyBits", "key-bits", "int64_t", "0", "bits of keys alone; 0 for those of kv-bits">,
    Option<"valueBits", "value-bits", "int64_t", "0", "bits of values alone; 0 for those of kv-bits">,
    Option<"kvSymmetric", "kv-symmetric", "bool", "false", "queries, keys and values without zero points">,
    Option<"includeEmbedding", "include-embedding", "bool", "false", "quantize the embedding">,
    Option<"includeHead", "include-head", "bool", "false", "quantize the lm_head">,
    ListOption<"targets", "targets", "std::string", "globs of the only operations to quantize">,
    ListOption<"ignore", "ignore", "std::string", "globs of operations to leave alone">
  ];
  let statistics = [
    Statistic<"numMatched", "num-matched", "weights looked at">,
    Statistic<"numPlanned", "num-planned", "weights planned">,
    Statistic<"numExcluded", "num-excluded", "weights left out on purpose">,
    Statistic<"numSkipped", "num-skipped", "weights that cannot be quantized as asked">,
    Statistic<"numAttention", "num-attention", "operations of attention planned">
  ];
}

def PlanGroupSizes : Pass<"qllm-plan-group-sizes", "::mlir::ModuleOp"> {
  let summary = "give each weight the group size that its ranges ask for";
  let description = [{
    For every `qllm.linear` whose plan has one scale an output channel: starts with the whole row as the group and halves it as
    long as the mean range of the halves (the largest magnitude for symmetric formats, max - min for others) is at most `shrink`
    times the mean range before, and halves have `smallest` elements or more. The plan gets `group<1, size>`; a row that does not
    gain keeps its one scale. No data but the weights is looked at. Other granularities are left alone.

    FineQuant (arXiv 2308.09723, section 3) describes the rule for whole matrices and does not give its threshold; the default was chosen by
    measurement (docs/recipes/finequant.md).

    ```mlir
    // RUN: qllm-opt --qllm-plan-group-sizes="smallest=2 shrink=0.9"
    func.func @two_parts(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
      %w = onnx.Initializer "w" = dense<[[8.0, 7.0, 0.5, -0.5]]> : tensor<1x4xf32>
      %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<1x4, #qllm.int<4>, per_channel<0>>}}
          : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    ```
    becomes
    ```mlir
    func.func @two_parts(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
      %w = onnx.Initializer "w" = dense<[[8.0, 7.0, 0.5, -0.5]]> : tensor<1x4xf32>
      %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<1x4, #qllm.int<4>, group<1, 2>>}}
          : (tensor<?x4xf32>, tensor<1x4xf32>) -> tensor<?x1xf32>
      return %y : tensor<?x1xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let options = [
    Option<"smallest", "smallest", "int64_t", "64", "no group has fewer elements">,
    Option<"shrink", "shrink", "double", "0.93", "halve while the mean range becomes at most this part of what it was">
  ];
  let statistics = [
    Statistic<"numMatched", "num-matched", "weights planned with one scale an output channel">,
    Statistic<"numGrouped", "num-grouped", "weights that get groups">
  ];
}

def QuantizeWeights : Pass<"qllm-quantize-weights", "::mlir::ModuleOp"> {
  let summary = "round planned weights to nearest";
  let description = [{
    Every weight with a plan becomes `qllm.pack` of constant codes, scales and zero points; all its readers take the new
    value, and the float weight leaves the module. Weights are read from the mapped file, block of rows by block of rows,
    through a transpose where the model stores [in, out], so no float copy of the model exists at any time. Blocks are
    spread over the context's threads; their borders do not depend on the number of threads, nor do results.

    A weight with a NaN or an infinity is skipped with a remark that names the element.

    ```mlir
    // RUN: qllm-opt --qllm-quantize-weights
    func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x2, #qllm.int<4>, per_channel<0>>}}
          : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let statistics = [
    Statistic<"numMatched", "num-matched", "operations with a planned weight">,
    Statistic<"numRewritten", "num-rewritten", "weights quantized">,
    Statistic<"numSkipped", "num-skipped", "weights left in float">
  ];
}

def QuantizeActivations : Pass<"qllm-quantize-activations", "::mlir::ModuleOp"> {
  let summary = "quantize planned operands at run time";
  let description = [{
    A `qllm.quantize` with dynamic parameters in front of every operand whose plan says so. `qllm.linear` takes the quantized
    value; other operations take it dequantized again. One value that several operations read in the same format is
    quantized once. `sites` takes only one kind of operand: those of attention (queries, keys and values, wherever they are
    read) or the inputs of linear layers; the rest of the plan stays. `clip` multiplies the ranges, as `qllm.quantize` says.

    ```mlir
    // RUN: qllm-opt --qllm-quantize-activations
    func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %y = qllm.linear %x, %w {qllm.plan = {operands = [!qllm.quantized<?x2, #qllm.int<8, asymmetric>, per_token>]}}
          : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %0 = qllm.quantize %arg0 : tensor<?x2xf32> -> !qllm.quantized<?x2, #qllm.int<8, asymmetric>, per_token>
      %1 = onnx.Initializer "w" = dense<[[7.000000e+00, 5.000000e-01], [1.000000e+00, -7.000000e+00]]> : tensor<2x2xf32>
      %2 = qllm.linear %0, %1 : (!qllm.quantized<?x2, #qllm.int<8, asymmetric>, per_token>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %2 : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let options = [
    Option<"sites", "sites", "std::string", "\"all\"", "all, attention or linears">,
    Option<"clip", "clip", "double", "1", "ratio of the ranges that is kept, over 0 and at most 1">
  ];
  let statistics = [
    Statistic<"numMatched", "num-matched", "operands planned">,
    Statistic<"numRewritten", "num-rewritten", "operands quantized">,
    Statistic<"numShared", "num-shared", "operands that use another one's quantized value">
  ];
}

#endif // QLLM_TRANSFORMS_ROUNDING_PASSES_TD
