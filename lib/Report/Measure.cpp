// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All measurements, one after the other.

#include "Measuring.h"
#include "qllm/Calibration/CalibrationData.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::report;

static llvm::Error checkForm(ModuleOp module, StringRef which) {
  func::FuncOp main = module ? mainOf(module) : func::FuncOp();
  if (main && llvm::hasSingleElement(main.getBody()))
    return llvm::Error::success();
  return llvm::createStringError("expected a function 'main' of one block in the " + which +
                                 " model to measure, but found none");
}

llvm::Expected<Measurements> report::measure(const Forms &forms, const MeasureOptions &options,
                                             RunListener *listener) {
  if (llvm::Error error = checkForm(forms.original, "original"))
    return error;
  if (llvm::Error error = checkForm(forms.reference, "float"))
    return error;
  if (llvm::Error error = checkForm(forms.result, "quantized"))
    return error;
  Measurements result;
  result.options = options;
  auto inputs = readCalibration(mainOf(forms.original),
                                {options.tokens, std::min(options.layerWindows, options.windows),
                                 std::min(options.layerLength, options.length)});
  if (!inputs)
    return inputs.takeError();
  result.layerWindows = int64_t(inputs->size());
  for (const std::vector<interp::Value> &window : *inputs)
    if (const Tensor *first = window.empty() ? nullptr : window.front().tensor())
      result.layerTokens += first->size();
  Variants variants(forms.result);
  if (failed(measureLosses(forms, variants, result, listener)) ||
      failed(measureLayers(forms, variants, *inputs, result, listener)) ||
      failed(measureSites(forms, *inputs, result, listener)))
    return llvm::createStringError("the model could not be run to measure it");
  return result;
}
