// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The list of recipes.

#include "qllm/Recipes/Recipe.h"

#include "mlir/Pass/PassRegistry.h"
#include "qllm/Recipes/AdaDim.h"
#include "qllm/Recipes/EoRA.h"
#include "qllm/Recipes/FineQuant.h"
#include "qllm/Recipes/GPTQ.h"
#include "qllm/Recipes/NormTweaking.h"
#include "qllm/Recipes/QLLM.h"
#include "qllm/Recipes/QLLMPlus.h"
#include "qllm/Recipes/QuaRot.h"
#include "qllm/Recipes/RPTQ.h"
#include "qllm/Recipes/RTN.h"
#include "qllm/Recipes/SVDQuant.h"
#include "qllm/Recipes/SmoothQuant.h"
#include "qllm/Recipes/SmoothQuantPlus.h"

using namespace qllm;

namespace {

template <typename Options, void (*buildPipeline)(mlir::OpPassManager &, const Options &)>
constexpr Recipe makeRecipe(llvm::StringLiteral name, llvm::StringLiteral summary) {
  return {name, summary,
          [](mlir::OpPassManager &passes, llvm::StringRef text) -> llvm::Error {
            Options options;
            std::string message;
            llvm::raw_string_ostream os(message);
            if (failed(options.parseFromString(text, os)))
              return llvm::createStringError("expected options of the recipe, but got '" + text +
                                             "': " + llvm::StringRef(message).trim());
            buildPipeline(passes, options);
            return llvm::Error::success();
          },
          [] { return Options().list(); },
          [](const Recipe &recipe) {
            mlir::PassPipelineRegistration<Options>(("recipe-" + recipe.name).str(), recipe.summary,
                                                    buildPipeline);
          }};
}

constexpr Recipe recipes[] = {
    makeRecipe<AdaDimOptions, buildAdaDimPipeline>(
        "adadim", "round to nearest, groups along rows or down columns, whichever costs less"),
    makeRecipe<EoRAOptions, buildEoRAPipeline>(
        "eora", "GPTQ, and a low-rank branch for what rounding costs at the output"),
    makeRecipe<FineQuantOptions, buildFineQuantPipeline>(
        "finequant", "round to nearest, group sizes from the weights' ranges, no calibration"),
    makeRecipe<GPTQOptions, buildGPTQPipeline>(
        "gptq", "columns rounded one after the other, their errors fed on"),
    makeRecipe<NormTweakingOptions, buildNormTweakingPipeline>(
        "norm-tweaking", "GPTQ, and new gains for the norms in closed form"),
    makeRecipe<QLLMOptions, buildQLLMPipeline>(
        "qllm", "channel reassembly, as published or improved, and its correction"),
    makeRecipe<QLLMPlusOptions, buildQLLMPlusPipeline>(
        "qllm-plus", "per site split, rotated or left alone, whichever loses least; GPTQ"),
    makeRecipe<QuaRotOptions, buildQuaRotPipeline>(
        "quarot", "rotate residual stream, heads and down inputs, then GPTQ"),
    makeRecipe<RPTQOptions, buildRPTQPipeline>(
        "rptq", "order channels by their ranges, ranges by groups of channels, then GPTQ"),
    makeRecipe<RTNOptions, buildRTNPipeline>("rtn", "round to nearest, no calibration"),
    makeRecipe<SVDQuantOptions, buildSVDQuantPipeline>(
        "svdquant", "smoothing, a low-rank branch, and four bits for the rest"),
    makeRecipe<SmoothQuantOptions, buildSmoothQuantPipeline>(
        "smoothquant", "move outliers of inputs into weights, then round to nearest"),
    makeRecipe<SmoothQuantPlusOptions, buildSmoothQuantPlusPipeline>(
        "smoothquant-plus", "the same with one alpha found on the whole model, for weights alone"),
};

} // namespace

bool Recipe::hasOption(llvm::StringRef option) const {
  return llvm::any_of(options(), [&](const RecipeOption &each) { return each.name == option; });
}

llvm::ArrayRef<Recipe> qllm::allRecipes() { return recipes; }

const Recipe *qllm::findRecipe(llvm::StringRef name) {
  for (const Recipe &recipe : recipes)
    if (recipe.name == name)
      return &recipe;
  return nullptr;
}

void qllm::registerRecipePipelines() {
  for (const Recipe &recipe : recipes)
    recipe.registerPipeline(recipe);
}
