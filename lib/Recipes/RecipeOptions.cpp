// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Recipes/RecipeOptions.h"

#include "mlir/Pass/Pass.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "llvm/ADT/STLExtras.h"

using namespace qllm;

std::vector<RecipeOption> RecipeOptions::list() const {
  std::vector<RecipeOption> result;
  for (auto [name, option] : OptionsMap)
    result.push_back({name.str(), option->HelpStr.str()});
  llvm::sort(result, [](const RecipeOption &a, const RecipeOption &b) { return a.name < b.name; });
  return result;
}

PlanRoundingOptions FormatOptions::planRounding() const {
  PlanRoundingOptions plan;
  plan.weightBits = weightBits;
  plan.weightFormat = weightFormat;
  plan.granularity = granularity;
  plan.groupSize = groupSize;
  plan.groupAxis = groupAxis;
  plan.adaptGroups = adaptGroups;
  plan.symmetric = symmetric;
  plan.scale = scale;
  plan.activationBits = activationBits;
  plan.activationSymmetric = activationSymmetric;
  plan.activationFormat = activationFormat;
  plan.activationGroupSize = activationGroupSize;
  plan.kvBits = kvBits;
  plan.queryBits = queryBits;
  plan.keyBits = keyBits;
  plan.valueBits = valueBits;
  plan.kvSymmetric = kvSymmetric;
  plan.includeEmbedding = includeEmbedding;
  plan.includeHead = includeHead;
  plan.targets.assign(targets.begin(), targets.end());
  plan.ignore.assign(ignore.begin(), ignore.end());
  return plan;
}
