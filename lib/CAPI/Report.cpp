// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a recipe did to a module, and what it cost.

#include "Internal.h"
#include "TokenFile.h"
#include "qllm-c/Module.h"
#include "qllm/API/MeasureRun.h"
#include "qllm/Report/Page.h"
#include "qllm/Support/OutputFile.h"

using namespace qllm;
using namespace qllm::capi;
using llvm::createStringError;
using llvm::Error;

QllmStatus *qllmModuleReport(const QllmModule *module, QllmTextCallback callback, void *user) {
  Call call(*module->state, nullptr);
  return call.run([&] {
    api::Json report;
    if (module->run)
      report = module->run->report;
    else
      report["coverage"] = api::toJson(measureCoverage(module->get()));
    std::string text = api::toText(report);
    callback(text.data(), text.size(), user);
    return Error::success();
  });
}

static Error noRun() {
  return createStringError("expected a model that a recipe has just quantized, since errors are "
                           "measured against the one before it");
}

/// Measures on given tokens, or on those of the calibration.
static Error measure(const QllmModule &module, const QllmMeasureOptions &given, Call &call) {
  if (!module.run)
    return noRun();
  if (given.tokens && given.tokens_file)
    return createStringError("expected tokens from a file or from memory, but got both");
  RecipeRun &run = *module.run;
  api::MeasureRequest request;
  if (given.windows)
    request.options.windows = given.windows;
  if (given.window_length)
    request.options.length = given.window_length;
  // The calibration is read again by passes, perhaps, and as what is measured on, perhaps.
  TokenFile calibration, tokens;
  if (run.tokens) {
    if (Error error = calibration.write(*run.tokens))
      return error;
    run.options.calibration = calibration.path();
  }
  request.options.tokens = given.tokens_file ? given.tokens_file : run.options.calibration;
  if (given.tokens) {
    llvm::Expected<Tensor> read = readTokens(*given.tokens);
    if (!read)
      return read.takeError();
    if (Error error = tokens.write(*read))
      return error;
    request.options.tokens = tokens.path();
    request.tokensAlias = tokensAlias;
  }
  if (request.options.tokens.empty())
    return createStringError("a report is measured on tokens: expected an array or a file of them");
  return api::measureRun(run, module.get(), std::move(request), &call);
}

QllmStatus *qllmModuleMeasure(const QllmModule *module, const QllmMeasureOptions *options,
                              const QllmListener *listener) {
  Call call(*module->state, listener);
  return call.run([&] { return measure(*module, readOptions(options), call); });
}

QllmStatus *qllmModuleWritePage(const QllmModule *module, const char *label, const char *path) {
  Call call(*module->state, nullptr);
  return call.run([&]() -> Error {
    if (!module->run)
      return noRun();
    api::Json report = module->run->report;
    if (!report.contains("measurements"))
      return createStringError("expected a report with measurements; measure it on tokens first");
    report["label"] = label;
    return writeOutputFile(path, report::renderPage(report));
  });
}
