// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization site by site on a calibration run.

#ifndef QLLM_TRANSFORMS_SITES_PASSES_TD
#define QLLM_TRANSFORMS_SITES_PASSES_TD

include "mlir/Pass/PassBase.td"

def QuantizeSites : Pass<"qllm-quantize-sites", "::mlir::ModuleOp"> {
  let summary = "quantize planned linear layers site by site, on the stream of what is quantized before";
  let description = [{
    Runs `@main` on calibration data, operation by operation. At every site (a value, and all planned `qllm.linear` that
    read it) the `steps` decide and solve with what the layers read at that point; then the finished site takes the place of
    the layers, and the run goes on through it. So every site is solved for the input that it will have in the finished
    model. The run ends at the last site: a head that is not planned is never computed.

    Formats come from `qllm.plan` (`qllm-plan-rounding`). Each step is described in docs/steps.md; with no steps, inputs are
    quantized as planned and weights stay float with their plan. What was decided is written as `qllm.site` on the layers,
    and a layer that has decisions already gets them without a search.

    `center-attention` keeps the static means of queries, keys and values from their run-time quantizers, and `balance-heads`
    scales queries against keys before their weights are rounded; both are exact, and need the quantizers in place
    (`qllm-quantize-activations{sites=attention}`). Where one cannot be done a remark tells why. The mean of a key is
    another value at every position behind the rotary embedding, which `page-kv-cache` refuses; with `center-for-cache` the mean over
    the positions of the calibration windows is taken off behind it instead, and not added back: a constant off every key
    moves all scores of a query alike, which a softmax does not see. With `key-granularity=channel` the
    run-time quantizers of keys go, and the layers that make keys have their outputs quantized per channel instead, with the
    ranges of the calibration tokens and before any rotary embedding: what is large in a key is the same channels for all tokens
    (KVQuant, arXiv 2401.18079; KIVI, arXiv 2402.02750), as long as the embedding has not turned them.

    Layers in regions, with weights that are computed at run time, or with weights that are not finite are skipped with a
    remark.

    `calibration` is a .npy of tokens (one axis: a text; two: a window a row), or samples of a model's inputs as .npy or
    .npz, see docs/calibration.md. Results are the same bytes for any number of threads.

    ```mlir
    // RUN: qllm-opt --qllm-quantize-sites="steps=mean,range{method=mse},round{method=gptq} calibration=x.npy"
    // DATA: x.npy 6x5x4
    func.func @main(%x: tensor<1x?x4xf32>) -> tensor<1x?x2xf32> {
      %w = onnx.Initializer "w" = dense<[[7.0, 0.5, 0.5, 0.0], [1.0, -7.0, 0.3, 2.2]]> : tensor<2x4xf32>
      %y = qllm.linear %x, %w {qllm.name = "fc", qllm.plan = {operands = [!qllm.quantized<1x?x4, #qllm.int<4, asymmetric>, per_token>],
        weight = !qllm.quantized<2x4, #qllm.int<4>, per_channel<0>>}} : (tensor<1x?x4xf32>, tensor<2x4xf32>) -> tensor<1x?x2xf32>
      onnx.Return %y : tensor<1x?x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let options = [
    Option<"steps", "steps", "std::string", "\"round{method=nearest}\"", "what to do at every site, in order">,
    Option<"calibration", "calibration", "std::string", "\"\"", "tokens or samples to look at, .npy or .npz">,
    Option<"calibrationWindows", "calibration-windows", "int64_t", "16",
           "windows at equal spacing over the calibration text">,
    Option<"calibrationLength", "calibration-length", "int64_t", "256", "tokens of a calibration window">,
    Option<"seed", "seed", "int64_t", "0", "of everything drawn at random">,
    Option<"finalNorm", "final-norm", "bool", "false",
           "fit gain and bias of the norm behind the last site to the float model's outputs; costs a second, float walk">,
    Option<"centerAttention", "center-attention", "bool", "false",
           "take static means off queries, keys and values before they are quantized">,
    Option<"centerForCache", "center-for-cache", "bool", "false",
           "take off keys one constant for all positions, behind the rotary embedding, which page-kv-cache has a place for">,
    Option<"keyGranularity", "key-granularity", "std::string", "\"token\"",
           "keys are quantized per token and head behind the rotary embedding (token), or per channel with static ranges in front of it (channel)">,
    Option<"balanceHeads", "balance-heads", "bool", "false", "scale queries against keys">,
    Option<"sinkFactor", "sink-factor", "double", "32",
           "an attention sink is a token with an activation whose norm is so many times the median token's; 0 for no such tokens">
  ];
  let statistics = [
    Statistic<"numSites", "num-sites", "values that planned layers read">,
    Statistic<"numMatched", "num-matched", "planned layers">,
    Statistic<"numRewritten", "num-rewritten", "layers rewritten">,
    Statistic<"numSkipped", "num-skipped", "planned layers left as they were">,
    Statistic<"numBalanced", "num-balanced", "attentions whose queries and keys were scaled">,
    Statistic<"numStaticKeys", "num-static-keys", "keys quantized per channel">,
    Statistic<"numCentered", "num-centered", "quantizers of queries, keys and values that see no mean">,
    Statistic<"numSinks", "num-sinks", "tokens found to be attention sinks">
  ];
}

def PlanGroupAxis : Pass<"qllm-plan-group-axis", "::mlir::ModuleOp"> {
  let summary = "let groups of weights run along rows or down columns, whichever costs less";
  let description = [{
    For every `qllm.linear` whose plan has groups along a row: rounds the weight to nearest in such groups, and in groups of
    `group-size` down a column (the largest power of two below it that divides the outputs), and compares what that does to
    outputs over calibration tokens. The plan gets `group<0, size>` where columns move the output less. The float model is
    run and nothing else is rounded meanwhile, so decisions do not depend on each other.

    With `criterion=block` the layers of a site with several of them (q, k, v; gate, up) are compared by what the next site reads
    (the result of attention, the gated product), all others by their own output; with `layer` all are
    (arXiv 2309.15531, section 4.2).

    `calibration` is a .npy of tokens or samples of a model's inputs, as for `qllm-quantize-sites`.

    ```mlir
    // RUN: qllm-opt --qllm-plan-group-axis="group-size=4 calibration=x.npy calibration-windows=64"
    // DATA: x.npy 64x4
    func.func @main(%x: tensor<1x4xf32>) -> tensor<1x2xf32> {
      %w = onnx.Initializer "w" = dense<[[9.0, 0.1, -0.7, 0.3], [8.0, 0.3, 0.2, -0.6]]> : tensor<2x4xf32>
      %y = qllm.linear %x, %w {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<3, asymmetric>, group<1, 4>>}}
          : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
      onnx.Return %y : tensor<1x2xf32>
    }
    ```

    becomes

    ```mlir
    func.func @main(%arg0: tensor<1x4xf32>) -> tensor<1x2xf32> {
      %0 = onnx.Initializer "w" = dense<[[9.000000e+00, 1.000000e-01, -0.699999988, 3.000000e-01], [8.000000e+00, 3.000000e-01, 2.000000e-01, -6.000000e-01]]> : tensor<2x4xf32>
      %1 = qllm.linear %arg0, %0 {qllm.plan = {weight = !qllm.quantized<2x4, #qllm.int<3, asymmetric>, group<0, 2>>}}
          : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
      onnx.Return %1 : tensor<1x2xf32>
    }
    ```
  }];
  let dependentDialects = ["::qllm::QLLMDialect"];
  let options = [
    Option<"groupSize", "group-size", "int64_t", "128", "elements of a column that share a scale">,
    Option<"criterion", "criterion", "std::string", "\"block\"", "block or layer: the output that is compared">,
    Option<"calibration", "calibration", "std::string", "\"\"", "tokens or samples to look at, .npy or .npz">,
    Option<"calibrationWindows", "calibration-windows", "int64_t", "16",
           "windows at equal spacing over the calibration text">,
    Option<"calibrationLength", "calibration-length", "int64_t", "256", "tokens of a calibration window">
  ];
  let statistics = [
    Statistic<"numMatched", "num-matched", "weights planned in groups along rows">,
    Statistic<"numColumns", "num-columns", "weights that get groups down columns">
  ];
}

#endif // QLLM_TRANSFORMS_SITES_PASSES_TD
