// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Flags of `qllm quantize` that are options of recipes.

#ifndef QLLM_LIB_TOOLS_USERTOOL_RECIPEOPTIONS_H
#define QLLM_LIB_TOOLS_USERTOOL_RECIPEOPTIONS_H

#include "qllm/Tools/UserTool/OptionTable.h"

namespace qllm::tool {

/// Declares those that any recipe has. What the user gives is appended to `recipeOptions`, as
/// "weight-bits=4 ...".
void declareRecipeOptions(OptionTable &options, std::string &recipeOptions);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_RECIPEOPTIONS_H
