// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the interpreter cannot run, told before it is tried.

#ifndef QLLM_INTERPRETER_MISSINGKERNELS_H
#define QLLM_INTERPRETER_MISSINGKERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace qllm::interp {

/// The operators of a module, regions included, that have no kernel and are no function of the
/// module: `ai.onnx.ml::TreeEnsemble`, sorted, each once.
std::vector<std::string> findMissingKernels(mlir::ModuleOp module);

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_MISSINGKERNELS_H
