// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Inputs to run a function on when all that is known of it is its type.

#ifndef QLLM_VALIDATION_INPUTS_H
#define QLLM_VALIDATION_INPUTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Interpreter/Value.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace qllm {

struct InputSet {
  /// For reports: `random inputs, seed 3`, `calibration window 1`.
  std::string name;
  std::vector<interp::Value> values;
};

/// Random inputs, the same for the same seed, function type and size. Dimensions without a number
/// are `size`. Floats are normally distributed, every 16th channel eight times as wide, as
/// activations of language models are. Integers are below the number of rows of the smallest table
/// that is looked up with them, and 0 or 1 where there is none. Masks, positions and caches of a
/// prefill have the values of one. Fails for arguments that are no tensors of numbers.
llvm::Expected<InputSet> randomInputs(mlir::func::FuncOp function, uint64_t seed, int64_t size);

/// Inputs by name (`onnx.name`, or arg0, arg1, ..) from a .npz that `writeInputs` wrote, for
/// arguments that have their type; random ones for the rest, so that the file also serves a
/// function that was made smaller.
llvm::Expected<InputSet> readInputs(mlir::func::FuncOp function, llvm::StringRef path,
                                    uint64_t seed);

llvm::Error writeInputs(mlir::func::FuncOp function, const InputSet &inputs, llvm::StringRef path);

} // namespace qllm

#endif // QLLM_VALIDATION_INPUTS_H
