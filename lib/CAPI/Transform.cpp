// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What makes a module of another: pipelines, recipes, kernels.

#include "Internal.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm-c/Module.h"
#include "qllm/API/Kernels.h"
#include "qllm/API/Quantize.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"

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

/// Tokens in memory as the file that recipes read, as long as it lives.
class TokenFile {
public:
  Error write(const QllmTensorView &view) {
    llvm::Expected<Tensor> tokens = readTokens(view);
    if (!tokens)
      return tokens.takeError();
    llvm::SmallString<128> path;
    int descriptor;
    if (std::error_code code =
            llvm::sys::fs::createTemporaryFile("qllm-tokens", "npy", descriptor, path))
      return llvm::createStringError(code, "cannot write tokens: " + code.message());
    remover.setFile(path);
    name = path.str().str();
    llvm::raw_fd_ostream os(descriptor, /*shouldClose=*/true);
    std::vector<char> bytes = formatNumpyArray(*tokens);
    os.write(bytes.data(), bytes.size());
    os.close();
    return os.has_error() ? llvm::createStringError(os.error(), "cannot write tokens")
                          : Error::success();
  }

  /// A report says that there were tokens, not where they lay for a moment.
  void forget(std::string &text) const {
    if (size_t at = name.empty() ? std::string::npos : text.find(name); at != std::string::npos)
      text.replace(at, name.size(), "<tokens>");
  }

  std::string name;

private:
  llvm::FileRemover remover;
};

Error quantizeInPlace(QllmModule &module, const QllmQuantizeOptions &given, Call &call) {
  api::QuantizeOptions options;
  auto take = [](std::string &to, const char *from) {
    if (from)
      to = from;
  };
  take(options.recipe, given.recipe);
  take(options.options, given.options);
  take(options.calibration, given.calibration_file);
  options.seed = given.seed;
  std::optional<CallbackRunner> tasks;
  if (given.task_runner) {
    tasks.emplace(readOptions(given.task_runner));
    call.setTaskRunner(&*tasks);
  }
  TokenFile tokens;
  if (given.calibration_tokens) {
    if (given.calibration_file)
      return llvm::createStringError("expected calibration from a file or from memory, but got "
                                     "both");
    if (Error error = tokens.write(*given.calibration_tokens))
      return error;
    options.calibration = tokens.name;
  }
  llvm::Expected<api::Json> report = api::quantize(module.get(), options, &call);
  if (!report)
    return report.takeError();
  tokens.forget((*report)["options"].get_ref<std::string &>());
  for (api::Json &pass : (*report)["passes"])
    tokens.forget(pass.get_ref<std::string &>());
  module.report = std::move(*report);
  return Error::success();
}

} // namespace

QllmStatus *qllmModuleRunPipeline(const QllmModule *module, const char *pipeline,
                                  const QllmListener *listener, QllmModule **result) {
  return transform(module, listener, result, [&](QllmModule &copy, Call &) {
    copy.report = nullptr; // what a recipe did is not all that was done any more
    return runPipeline(copy.get(), pipeline);
  });
}

QllmStatus *qllmModuleQuantize(const QllmModule *module, const QllmQuantizeOptions *options,
                               const QllmListener *listener, QllmModule **result) {
  return transform(module, listener, result, [&](QllmModule &copy, Call &call) {
    return quantizeInPlace(copy, readOptions(options), call);
  });
}

QllmStatus *qllmModuleReport(const QllmModule *module, QllmTextCallback callback, void *user) {
  Call call(*module->state, nullptr);
  return call.run([&] {
    api::Json report = module->report;
    if (report.is_null())
      report["coverage"] = api::toJson(measureCoverage(module->get()));
    std::string text = api::toText(report);
    callback(text.data(), text.size(), user);
    return Error::success();
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
