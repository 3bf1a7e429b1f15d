// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of recipes.

#include "qllm/Recipes/Recipe.h"

#include "mlir/Pass/PassRegistry.h"
#include "qllm/Recipes/RTN.h"

using namespace qllm;

namespace {

template <typename Options, void (*buildPipeline)(mlir::OpPassManager &, const Options &)>
llvm::Error build(mlir::OpPassManager &passes, llvm::StringRef text) {
  Options options;
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(options.parseFromString(text, os)))
    return llvm::createStringError("expected options of the recipe, but got '" + text +
                                   "': " + llvm::StringRef(message).trim());
  buildPipeline(passes, options);
  return llvm::Error::success();
}

constexpr Recipe recipes[] = {
    {"rtn", "round to nearest, no calibration", build<RTNOptions, buildRTNPipeline>},
};

} // namespace

llvm::ArrayRef<Recipe> qllm::allRecipes() { return recipes; }

const Recipe *qllm::findRecipe(llvm::StringRef name) {
  for (const Recipe &recipe : recipes)
    if (recipe.name == name)
      return &recipe;
  return nullptr;
}

void qllm::registerRecipePipelines() {
  mlir::PassPipelineRegistration<RTNOptions>("recipe-rtn", "round to nearest, no calibration",
                                             buildRTNPipeline);
}
