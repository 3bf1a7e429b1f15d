// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the exit codes of `qllm` mean; scripts rely on the numbers.

#ifndef QLLM_TOOLS_USERTOOL_EXITCODE_H
#define QLLM_TOOLS_USERTOOL_EXITCODE_H

namespace qllm::tool {

enum class ExitCode : int {
  Done = 0,
  /// The input (a file, its content, what it asks of the machine) cannot be processed.
  BadInput = 1,
  /// The command line is wrong; nothing was read or written.
  Usage = 2,
  /// The result exists, but covers less of the model than the recipe asked for.
  Incomplete = 3,
};

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_EXITCODE_H
