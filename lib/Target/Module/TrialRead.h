// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytecode cannot be scanned ahead of MLIR's reader, which only the dialects can guide, and which loops for ever on an
// attribute that holds itself. So it is read once for trial where neither a crash nor a loop does harm.

#ifndef QLLM_LIB_TARGET_MODULE_TRIALREAD_H
#define QLLM_LIB_TARGET_MODULE_TRIALREAD_H

#include "qllm/Target/Module/InputLimits.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace qllm {

/// Reads, measures and verifies the module in a child process with limits on memory and processor time. What is refused
/// in the ordinary way is no error here: whoever reads it next gets the diagnostics.
llvm::Error tryReadingBytecode(llvm::MemoryBufferRef file, const mlir::DialectRegistry &registry, const InputLimits &limits);

} // namespace qllm

#endif // QLLM_LIB_TARGET_MODULE_TRIALREAD_H
