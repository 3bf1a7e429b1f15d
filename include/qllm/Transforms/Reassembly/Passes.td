// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel reassembly as published (QLLM, arXiv 2310.08041): a plan found on calibration data, and its
// application, which needs none.

#ifndef QLLM_TRANSFORMS_REASSEMBLY_PASSES_TD
#define QLLM_TRANSFORMS_REASSEMBLY_PASSES_TD

include "mlir/Pass/PassBase.td"

def PlanReassembly : Pass<"qllm-plan-reassembly", "::mlir::ModuleOp"> {
  let summary = "search the outlier threshold of every site and plan which channels are split and merged";
  let description = [{
    A site is one activation and all the planned linear layers that read it: they share one set of indices. The float model runs
    on the calibration text; at each site thresholds are tried from the largest magnitude downwards, and the one is kept under
    which the block function's output from quantized inputs and weights is nearest to the float one (section 4.3 of the paper).
    Channel j becomes T_j = max(1, ceil(m_j / threshold)) copies of x_j / T_j, m_j being its largest magnitude over all of the
    calibration, and as many pairs of other channels are merged as copies were added, so the width is kept (sections 4.1 and 4.2).

    The block function is the slice of the model between the site's products and the inputs of other linear layers: attention
    behind q, k and v; the gated product behind gate and up. Where the slice meets the residual stream first, it is the products
    themselves (the down projection). Queries, keys and values are not quantized in it, as published.

    The decision is written on every linear layer of the site:

    ```
    qllm.reassembly = {threshold = 4.1 : f64, parts = array<i64: 1, 3, 1, ..>, targets = array<i64: 0, 1, 1, ..>,
                       losses = array<f64: before, after>}
    ```

    with `targets` as `qllm.merge_channels` has them, for the channels behind the split. Nothing else changes; the plan can be
    printed, edited, and applied by `qllm-apply-reassembly` without any data. A site that gains nothing (only with `no-split`), or
    whose ratio allows no copy, gets no attribute.

    Assumes plans of `qllm-plan-rounding` on the layers. Layers whose input is not planned are left alone; layers that a calibration run
    cannot stop at (docs/calibration.md) are too, with a remark. The score of a pair is the
    published one unless `score=paper`; the paper's formula and the authors' code differ (docs/recipes/qllm.md).

    Cost: one float run of the model, and for each candidate one product and one block function on `search-windows` windows.

    ```mlir
    // RUN: qllm-opt --qllm-plan-reassembly="calibration=x.npy ratio=0.5 report"
    // DATA: x.npy 6x5x4
    func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 40.0, 0.5, 0.0], [1.0, -7.0, 0.3, 2.2]]> : tensor<2x4xf32>
      %y = qllm.linear %x, %w {qllm.name = "layers.0.down_proj",
          qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>],
        weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
      onnx.Return %y : tensor<1x?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let options = [
    Option<"calibration", "calibration", "std::string", "\"\"", "tokens to look at, a .npy file">,
    Option<"calibrationWindows", "calibration-windows", "int64_t", "16",
           "windows at equal spacing over the calibration text">,
    Option<"calibrationLength", "calibration-length", "int64_t", "256", "tokens of a calibration window">,
    Option<"seed", "seed", "int64_t", "0", "of everything drawn at random; this pass draws nothing">,
    Option<"ratio", "ratio", "double", "0.2", "channels that may be added, as a share of the width">,
    Option<"searchWindows", "search-windows", "int64_t", "1", "windows that the block function is compared on">,
    Option<"noSplit", "no-split", "bool", "false", "leave a site alone where no threshold makes its block function better">,
    Option<"score", "score", "std::string", "\"published\"", "of a pair to merge: published or paper">,
    ListOption<"sites", "sites", "std::string",
               "kinds to treat: attention-input, attention-output, feed-forward-input, feed-forward-output, other; "
               "all but attention-output unless given">,
    Option<"report", "report", "bool", "false", "remark on each site">
  ];
  let statistics = [
    Statistic<"numMatched", "num-matched", "sites looked at">,
    Statistic<"numPlanned", "num-planned", "sites planned">,
    Statistic<"numCandidates", "num-candidates", "thresholds tried">
  ];
}

def ApplyReassembly : Pass<"qllm-apply-reassembly", "::mlir::ModuleOp"> {
  let summary = "split and merge channels as planned";
  let description = [{
    Where linear layers carry `qllm.reassembly`, their input goes through `qllm.split_channels` and, with `targets`,
    `qllm.merge_channels`; layers of one input with one plan share the two operations. Weights absorb both through the
    ChannelTransform interface: columns are repeated, then summed. The rewritten weights are operations on the weights. Plans of
    rounding follow the new width.

    Splitting is exact in real arithmetic; a merge of i and j by their mean changes the output by (x_i - x_j)(w_i - w_j)/2.
    The threshold stays readable on the split as `qllm.threshold`. Needs no data and reads no weight.

    ```mlir
    // RUN: qllm-opt --qllm-apply-reassembly
    func.func @main(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5], [1.0, -7.0]]> : tensor<2x2xf32>
      %y = qllm.linear %x, %w {qllm.reassembly = {parts = array<i64: 3, 1>}} : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
      onnx.Return %y : tensor<?x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<?x2xf32>) -> tensor<?x2xf32> {
      %0 = qllm.split_channels %arg0 parts [3, 1] {qllm.threshold = 0.000000e+00 : f64} : tensor<?x2xf32>
      %1 = onnx.Initializer "w" = dense<[[7.000000e+00, 5.000000e-01], [1.000000e+00, -7.000000e+00]]> : tensor<2x2xf32>
      %2 = qllm.split_channels %1 parts [3, 1] repeat : tensor<2x2xf32>
      %3 = qllm.linear %0, %2 : (tensor<?x4xf32>, tensor<2x4xf32>) -> tensor<?x2xf32>
      onnx.Return %3 : tensor<?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let statistics = [
    Statistic<"numMatched", "num-matched", "linear layers with a plan">,
    Statistic<"numRewritten", "num-rewritten", "activations reassembled">
  ];
}

#endif // QLLM_TRANSFORMS_REASSEMBLY_PASSES_TD
