// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tool for users, `qllm`, as a library: its executable is one call.

#ifndef QLLM_TOOLS_USERTOOL_USERTOOL_H
#define QLLM_TOOLS_USERTOOL_USERTOOL_H

#include "qllm/Tools/UserTool/ExitCode.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace qllm::tool {

/// Runs the command named by the first argument (the executable's name left out). Data goes to
/// stdout, everything else to stderr.
ExitCode runUserTool(llvm::ArrayRef<llvm::StringRef> arguments);

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_USERTOOL_H
