// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipes by name: an options struct and a pipeline each. The tool, qllm-opt and tests all go
// through this list.

#ifndef QLLM_RECIPES_RECIPE_H
#define QLLM_RECIPES_RECIPE_H

#include "mlir/Pass/PassManager.h"
#include "qllm/Recipes/RecipeOptions.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"

namespace qllm {

struct Recipe {
  llvm::StringLiteral name;
  llvm::StringLiteral summary;
  /// Adds the passes; `options` reads "weight-bits=4 activation-bits=8". Fails on an option it does
  /// not have.
  llvm::Error (*build)(mlir::OpPassManager &passes, llvm::StringRef options);
  /// What `options` may hold.
  std::vector<RecipeOption> (*options)();
  /// Makes `recipe-<name>` known to pass registries.
  void (*registerPipeline)(const Recipe &recipe);

  bool hasOption(llvm::StringRef name) const;
  /// Whether it looks at activations, and so at a calibration text.
  bool isCalibrated() const { return hasOption("calibration"); }
};

llvm::ArrayRef<Recipe> allRecipes();

/// The recipe called `name`, or null.
const Recipe *findRecipe(llvm::StringRef name);

/// Makes every recipe a pipeline of the pass registry, `recipe-<name>`.
void registerRecipePipelines();

} // namespace qllm

#endif // QLLM_RECIPES_RECIPE_H
