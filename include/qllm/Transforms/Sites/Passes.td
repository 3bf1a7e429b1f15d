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

    Layers in regions, with weights that are computed at run time, or with weights that are not finite are skipped with a
    remark.

    `calibration` is a .npy of tokens (one axis: a text; two: a window a row), or samples of a model's inputs as .npy or
    .npz, see docs/calibration.md. Results are the same bytes for any number of threads.
  }];
  let dependentDialects = ["::qllm::onnx::ONNXDialect", "::qllm::QLLMDialect"];
  let options = [
    Option<"steps", "steps", "std::string", "\"round{method=nearest}\"", "what to do at every site, in order">,
    Option<"calibration", "calibration", "std::string", "\"\"", "tokens or samples to look at, .npy or .npz">,
    Option<"calibrationWindows", "calibration-windows", "int64_t", "16",
           "windows at equal spacing over the calibration text">,
    Option<"calibrationLength", "calibration-length", "int64_t", "256", "tokens of a calibration window">,
    Option<"seed", "seed", "int64_t", "0", "of everything drawn at random">
  ];
  let statistics = [
    Statistic<"numSites", "num-sites", "values that planned layers read">,
    Statistic<"numMatched", "num-matched", "planned layers">,
    Statistic<"numRewritten", "num-rewritten", "layers rewritten">,
    Statistic<"numSkipped", "num-skipped", "planned layers left as they were">,
    Statistic<"numSinks", "num-sinks", "tokens found to be attention sinks">
  ];
}

#endif // QLLM_TRANSFORMS_SITES_PASSES_TD
