// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What this build is made of.

#ifndef QLLM_TOOLS_USERTOOL_VERSION_H
#define QLLM_TOOLS_USERTOOL_VERSION_H

#include "llvm/Support/raw_ostream.h"

namespace qllm::tool {

/// Versions of qllm and LLVM, the ONNX models that are read, and what can be produced.
void printVersion(llvm::raw_ostream &os);

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_VERSION_H
