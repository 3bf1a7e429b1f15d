// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes by name or file, and running them pass by pass.

#include "qllm/API/Pipeline.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Recipes/Recipe.h"
#include "qllm/Support/Closest.h"
#include "qllm/Support/RunListener.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::api;
using llvm::Error;
using llvm::Expected;

namespace {

Error pipelineError(const Twine &message) { return llvm::createStringError(message); }

std::vector<std::string> textOfPasses(OpPassManager &passes) {
  std::vector<std::string> steps;
  for (Pass &pass : passes.getPasses()) {
    llvm::raw_string_ostream os(steps.emplace_back());
    pass.printAsTextualPipeline(os);
  }
  return steps;
}

/// The passes of a file: lines without comments, with or without commas between them.
std::string joinLines(StringRef text) {
  std::string joined;
  for (StringRef line : llvm::split(text, '\n')) {
    line = line.split('#').first.trim();
    line.consume_back(",");
    if (!line.empty())
      joined += (joined.empty() ? "" : ",") + line.str();
  }
  return joined;
}

Expected<std::string> readRecipe(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError(buffer.getError(), "cannot read recipe '" + path +
                                                          "': " + buffer.getError().message());
  std::string text = joinLines((*buffer)->getBuffer());
  // Pipelines in pipelines are built, printed and taken down by recursion.
  if (Error error = checkModuleText(text, InputLimits()))
    return pipelineError("recipe '" + path + "': " + llvm::toString(std::move(error)));
  return text;
}

std::string unknownRecipe(StringRef name) {
  SmallVector<StringRef> names;
  for (const Recipe &recipe : allRecipes())
    names.push_back(recipe.name);
  std::string message = "expected a recipe (" + llvm::join(names, ", ") +
                        ") or a file of passes, but got '" + name.str() + "'";
  if (std::optional<StringRef> guess = closest(name, names))
    message += ", did you mean '" + guess->str() + "'";
  return message;
}

class StageObserver : public PassInstrumentation {
public:
  explicit StageObserver(const Pipeline::Observer &observer) : observer(observer) {}

  void runAfterPass(Pass *pass, Operation *op) override {
    if (auto module = dyn_cast<ModuleOp>(op); module && !pass->getArgument().empty())
      observer(count++, pass->getArgument(), module);
  }

private:
  Pipeline::Observer observer;
  size_t count = 0;
};

} // namespace

Expected<Pipeline> Pipeline::create(MLIRContext *context, StringRef recipe, StringRef options) {
  PassManager passes(context, ModuleOp::getOperationName());
  if (const Recipe *known = findRecipe(recipe)) {
    if (Error error = known->build(passes, options))
      return error;
  } else {
    if (!llvm::sys::fs::is_regular_file(recipe))
      return pipelineError(unknownRecipe(recipe));
    if (!options.empty())
      return pipelineError("expected no recipe options beside the file '" + recipe +
                           "', which has its own, but got '" + options + "'");
    Expected<std::string> text = readRecipe(recipe);
    if (!text)
      return text.takeError();
    std::string message;
    llvm::raw_string_ostream os(message);
    if (failed(parsePassPipeline(*text, passes, os)))
      return pipelineError("recipe '" + recipe + "': " + StringRef(message).trim());
  }
  return Pipeline(textOfPasses(passes));
}

std::vector<std::string> Pipeline::stages() const {
  std::vector<std::string> names;
  for (const std::string &step : steps)
    names.push_back(StringRef(step).split('{').first.str());
  return names;
}

Error Pipeline::stopAfter(StringRef stage) {
  std::vector<std::string> names = stages();
  auto found = llvm::find(names, stage);
  if (found == names.end())
    return pipelineError("expected one of the stages " + llvm::join(names, ", ") + ", but got '" +
                         stage + "'");
  steps.resize(found - names.begin() + 1);
  return Error::success();
}

std::string api::recipeText(ArrayRef<std::string> passes) {
  return "# Passes in order; 'qllm quantize --recipe' takes this file.\n" +
         llvm::join(passes, "\n") + "\n";
}

std::string Pipeline::toText() const { return recipeText(steps); }

LogicalResult Pipeline::run(ModuleOp module, const Observer &observer, const Setup &setup) const {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  passes.addInstrumentation(std::make_unique<StageObserver>(observer));
  if (setup)
    setup(passes);
  if (failed(parsePassPipeline(llvm::join(steps, ","), passes)))
    return failure();
  return runStoppable(passes, module);
}

LogicalResult api::runStoppable(PassManager &passes, ModuleOp module) {
  MLIRContext *context = module.getContext();
  RunListener *listener = context->getOrLoadDialect<QLLMDialect>()->getRunListener();
  if (!listener)
    return passes.run(module);
  // Passes cannot be stopped by an instrumentation, but an action can be left out.
  context->registerActionHandler(
      [&](llvm::function_ref<void()> run, const tracing::Action &action) {
        if (!llvm::isa<PassExecutionAction>(action) || !listener->shouldStop())
          run();
      });
  LogicalResult result = passes.run(module);
  context->registerActionHandler(nullptr);
  return listener->shouldStop() ? LogicalResult(module.emitError("stopped")) : result;
}
