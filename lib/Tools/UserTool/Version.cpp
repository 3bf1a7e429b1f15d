// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `qllm --version`.

#include "qllm/Tools/UserTool/Version.h"

#include "qllm/Recipes/Recipe.h"
#include "qllm/Target/ONNX/Import.h"
#include "qllm/Version.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"

void qllm::tool::printVersion(llvm::raw_ostream &os) {
  os << "qllm " << QLLM_VERSION << "\nLLVM " << LLVM_VERSION_STRING << "\nONNX IR up to "
     << onnx::newestIRVersion << ", opset up to " << onnx::newestOpset << "\nrecipes: ";
  llvm::interleaveComma(allRecipes(), os, [&](const Recipe &recipe) { os << recipe.name; });
  os << "\ntargets: interpreter, onnx\n";
}
