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
    A `qllm.linear` of a dynamically quantized input (per token) and a packed integer weight (per channel, or symmetric in
    groups) becomes a `qk.linear`. Activations are seen as matrices: all dimensions but the last are rows. Weights get the order that
    the kernel wants, and the sums that corrections for zero points need, as operations on constants, which
    `fold-kernel-weights` computes.

    Schedules come from a list of candidates by a model of their cost on the target, for `rows` rows; with several targets,
    each has its own. `schedule` forces one, `explain` has every choice told in a remark.

    What has no kernel stays as it is, with the reason in a remark if `explain` is on.
  }];
  let dependentDialects = ["::qllm::qk::KernelDialect", "::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let options = [
    ListOption<"targets", "targets", "std::string", "architectures that schedules are chosen for, such as sm_80,sm_90a">,
    Option<"rows", "rows", "int64_t", "2048", "rows (tokens) that schedules are chosen for">,
    Option<"schedule", "schedule", "std::string", "", "a #qk.schedule that every kernel gets">,
    Option<"explain", "explain", "bool", "false", "say why each schedule was chosen, and what has no kernel">
  ];
  let statistics = [
    Statistic<"numConverted", "num-converted", "products that became kernels">,
    Statistic<"numLeft", "num-left", "products without a kernel">
  ];
}

def FoldKernelWeights : Pass<"fold-kernel-weights", "::mlir::ModuleOp"> {
  let summary = "compute what kernels want of weights";
  let description = [{
    Every `qk.shuffle_weight` and `qk.code_sums` of constants becomes a constant.
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect"];
  let statistics = [Statistic<"numFolded", "num-folded", "constants computed">];
}

#endif // QLLM_CONVERSION_QLLMTOKERNEL_PASSES_TD
