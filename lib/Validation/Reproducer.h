// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A failure in a folder of its own, to be repeated and made smaller.

#ifndef QLLM_LIB_VALIDATION_REPRODUCER_H
#define QLLM_LIB_VALIDATION_REPRODUCER_H

#include "qllm/Validation/Validator.h"

namespace qllm {

/// Writes into a new folder below `parent`:
/// - `before.mlir`, the module that the pass got, with its weights beside it;
/// - `inputs.npz`, what the function was run on;
/// - `check.sh [MODULE]`, which exits with 1 while the module fails as this one did, and with 0
/// otherwise: the test
///   that `qllm-reduce` wants.
/// Returns the folder.
llvm::Expected<std::string> writeReproducer(llvm::StringRef parent, mlir::ModuleOp before,
                                            mlir::func::FuncOp function, const PassRun &run,
                                            const InputSet &inputs);

} // namespace qllm

#endif // QLLM_LIB_VALIDATION_REPRODUCER_H
