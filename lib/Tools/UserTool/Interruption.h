// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What Ctrl-C and SIGTERM do.

#ifndef QLLM_LIB_TOOLS_USERTOOL_INTERRUPTION_H
#define QLLM_LIB_TOOLS_USERTOOL_INTERRUPTION_H

namespace qllm::tool {

/// From now on SIGINT and SIGTERM end the process at once, with exit code 130 or 143 and a line on
/// stderr; temporary files are removed. There is nothing to finish first: what a run has done is in
/// its journal already, and outputs appear whole or not at all.
void installInterruption();

/// Whether the line says that the same command goes on from where it was.
void announceResumable(bool isResumable);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_INTERRUPTION_H
