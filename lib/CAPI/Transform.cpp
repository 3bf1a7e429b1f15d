// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes a module of another: pipelines, recipes, kernels.

#include "Internal.h"
#include "TokenFile.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm-c/Module.h"
#include "qllm/API/Kernels.h"
#include "qllm/API/Quantize.h"

using namespace qllm;
using namespace qllm::capi;
using llvm::Error;
using llvm::StringRef;

namespace {

/// A copy of `module` that `rewrite` has changed.
QllmStatus *transform(const QllmModule *module, const QllmListener *listener, QllmModule **result,
                      llvm::function_ref<Error(QllmModule &, Call &)> rewrite) {
  Call call(*module->state, listener);
  std::unique_ptr<QllmModule> copy;
  QllmStatus *status = call.run([&] {
    copy = std::make_unique<QllmModule>(*module);
    return rewrite(*copy, call);
  });
  if (!status)
    *result = copy.release();
  return status;
}

/// The passes without the module around them: a manager of modules would look for a module inside.
StringRef withoutModule(StringRef pipeline) {
  pipeline = pipeline.trim();
  StringRef inner = pipeline;
  if (inner.consume_front("builtin.module") && (inner = inner.ltrim()).consume_front("(") &&
      inner.consume_back(")"))
    return inner;
  return pipeline;
}

Error runPipeline(mlir::ModuleOp module, StringRef pipeline) {
  mlir::PassManager passes(module.getContext(), mlir::ModuleOp::getOperationName());
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(mlir::parsePassPipeline(withoutModule(pipeline), passes, os)))
    return llvm::createStringError(StringRef(message).trim());
  return toError(api::runStoppable(passes, module));
}

/// The run of a recipe on the module, which it changes.
Error quantizeInPlace(QllmModule &module, const QllmQuantizeOptions &given, Call &call) {
  api::QuantizeOptions options;
  auto take = [](std::string &to, const char *from) {
    if (from)
      to = from;
  };
  take(options.recipe, given.recipe);
  take(options.options, given.options);
  take(options.calibration, given.calibration_file);
  take(options.journal, given.journal);
  take(options.reproducers, given.reproducers);
  take(options.plan, given.plan_file);
  take(options.stopAfter, given.stop_after);
  take(options.command, given.command);
  options.model = module.file;
  options.seed = given.seed;
  options.validate = given.validate != 0;
  std::optional<CallbackRunner> runner;
  if (given.task_runner) {
    runner.emplace(readOptions(given.task_runner));
    call.setTaskRunner(&*runner);
  }
  std::optional<Tensor> tokens;
  TokenFile file;
  if (given.calibration_tokens) {
    if (given.calibration_file)
      return llvm::createStringError("expected calibration from a file or from memory, but got "
                                     "both");
    llvm::Expected<Tensor> read = readTokens(*given.calibration_tokens);
    if (!read)
      return read.takeError();
    tokens = std::move(*read);
    if (Error error = file.write(*tokens))
      return error;
    options.calibration = file.path();
    options.calibrationAlias = tokensAlias;
  }
  llvm::Expected<api::Pipeline> pipeline =
      api::makePipeline(module.get().getContext(), options, [&](const llvm::Twine &message) {
        emitWarning(mlir::UnknownLoc::get(module.get().getContext())) << message;
      });
  if (!pipeline)
    return pipeline.takeError();
  mlir::OwningOpRef<mlir::ModuleOp> original = module.get().clone();
  llvm::Expected<api::QuantizeRun> run =
      api::quantize(module.get(), *pipeline, std::move(options), &call);
  if (!run)
    return run.takeError();
  run->original = std::move(original);
  if (run->journal)
    run->journal->unlock(); // the same call may come again before the result is saved
  module.run = std::make_shared<RecipeRun>(std::move(*run));
  module.run->tokens = std::move(tokens);
  module.file.clear();
  return Error::success();
}

} // namespace

QllmStatus *qllmModuleRunPipeline(const QllmModule *module, const char *pipeline,
                                  const QllmListener *listener, QllmModule **result) {
  return transform(module, listener, result, [&](QllmModule &copy, Call &) {
    copy.run = nullptr; // what a recipe did is not all that was done any more
    copy.file.clear();
    return runPipeline(copy.get(), pipeline);
  });
}

QllmStatus *qllmModuleQuantize(const QllmModule *module, const QllmQuantizeOptions *options,
                               const QllmListener *listener, QllmModule **result) {
  return transform(module, listener, result, [&](QllmModule &copy, Call &call) {
    return quantizeInPlace(copy, readOptions(options), call);
  });
}

QllmStatus *qllmModuleLowerToKernels(const QllmModule *module, const QllmKernelOptions *options,
                                     const QllmListener *listener, QllmModule **result) {
  QllmKernelOptions given = readOptions(options);
  api::KernelOptions kernels;
  kernels.targets = given.targets ? given.targets : "";
  if (given.format)
    kernels.format = given.format;
  if (given.rows)
    kernels.rows = given.rows;
  kernels.pageKVCache = given.page_kv_cache != 0;
  return transform(module, listener, result, [&](QllmModule &copy, Call &) {
    return api::lowerToKernels(copy.get(), kernels);
  });
}

void qllmModuleForEachBinary(const QllmModule *module, QllmBinaryCallback callback, void *user) {
  api::forEachBinary(module->get(), [&](StringRef target, StringRef code) {
    callback(target.str().c_str(), code.data(), code.size(), user);
  });
}
