// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tool for users. All of it is in lib/Tools/UserTool.

#include "qllm/Support/LargeStack.h"
#include "qllm/Tools/UserTool/UserTool.h"
#include "llvm/Support/InitLLVM.h"

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::SmallVector<llvm::StringRef> arguments(argv + 1, argv + argc);
  return qllm::runOnLargeStack([&] { return static_cast<int>(qllm::tool::runUserTool(arguments)); });
}
