// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `rtn`: round to nearest, nothing else. What every other recipe is measured against.

#ifndef QLLM_RECIPES_RTN_H
#define QLLM_RECIPES_RTN_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

struct RTNOptions : FormatOptions {};

void buildRTNPipeline(mlir::OpPassManager &passes, const RTNOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_RTN_H
