// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/API/Quantize.h"

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Recipes/Recipe.h"
#include "qllm/Support/RunListener.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::api;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;

Expected<std::string> api::addRecipeData(const QuantizeOptions &options,
                                         llvm::function_ref<void(const llvm::Twine &)> warn) {
  const Recipe *known = findRecipe(options.recipe);
  if (!known)
    return options.options; // a file of passes has its own data
  std::string text = options.options;
  auto add = [&](StringRef name, const llvm::Twine &value) {
    text += (text.empty() ? "" : " ") + name.str() + "=" + value.str();
  };
  if (known->isCalibrated() && options.calibration.empty())
    return createStringError("recipe '" + options.recipe +
                             "' looks at activations: expected tokens as calibration, a .npy file");
  if (known->isCalibrated()) {
    // The stored recipe is to find its data from anywhere.
    llvm::SmallString<128> path;
    if (llvm::sys::fs::real_path(options.calibration, path))
      path = options.calibration; // the pass says what is wrong with it
    // Braces hold the words of a path together.
    bool isOneWord = path.find_first_of(" \t") == StringRef::npos;
    add("calibration", isOneWord ? path.str().str() : ("{" + path + "}").str());
  } else if (!options.calibration.empty())
    warn("recipe '" + options.recipe + "' looks at no activations; '" + options.calibration +
         "' is not read");
  if (known->hasOption("seed") && options.seed)
    add("seed", llvm::Twine(options.seed));
  return text;
}

namespace {

/// Makes `listener` the context's as long as it lives.
class Listening {
public:
  Listening(MLIRContext *context, RunListener *listener)
      : dialect(context->getOrLoadDialect<QLLMDialect>()), before(dialect->getRunListener()) {
    dialect->setRunListener(listener);
  }
  ~Listening() { dialect->setRunListener(before); }

private:
  QLLMDialect *dialect;
  RunListener *before;
};

} // namespace

Expected<Json> api::quantize(ModuleOp module, const QuantizeOptions &options,
                             RunListener *listener) {
  Expected<std::string> text =
      addRecipeData(options, [&](const llvm::Twine &message) { module.emitWarning(message); });
  if (!text)
    return text.takeError();
  Expected<Pipeline> pipeline = Pipeline::create(module.getContext(), options.recipe, *text);
  if (!pipeline)
    return pipeline.takeError();
  Listening listening(module.getContext(), listener);
  size_t total = pipeline->passes().size();
  auto observer = [&](size_t number, StringRef, ModuleOp) {
    if (listener)
      listener->progress("quantize", number + 1, total);
  };
  if (failed(pipeline->run(module, observer)))
    return createStringError("recipe '" + options.recipe + "' failed");
  return describeRun("", options.recipe, *text, options.seed, pipeline->passes(),
                     measureCoverage(module));
}
