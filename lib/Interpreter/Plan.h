// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the interpreter makes of a block before it runs it: numbered slots for values, kernels for
// operations, and when each value is needed last.

#ifndef QLLM_LIB_INTERPRETER_PLAN_H
#define QLLM_LIB_INTERPRETER_PLAN_H

#include "OperationKernels.h"
#include "mlir/IR/Operation.h"
#include "qllm/Interpreter/Kernel.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm::interp {

struct BlockPlan;

constexpr int absent = -1;

struct Step {
  enum class Kind {
    Kernel,     ///< a kernel that knows no MLIR
    Operation,  ///< a kernel that reads the operation itself
    Structured, ///< control flow or a call; the executor runs it
    Missing,    ///< nothing computes this operation; an error if it is reached
  };
  Step() = default;
  Step(Step &&) = default;
  Step &operator=(Step &&) = default;

  mlir::Operation *op = nullptr;
  Kind kind = Kind::Missing;
  const Kernel *kernel = nullptr;
  OperationKernel operationKernel = nullptr;
  unsigned traits = plain;
  int64_t opset = 0;
  /// Slots in schema order; `absent` for optional operands and results that are not there.
  llvm::SmallVector<int, 4> inputs, outputs;
  /// Slots that no later step needs.
  llvm::SmallVector<int, 4> lastUses;
  /// Whether the results depend on the operands only.
  bool pure = false;
  /// The subgraphs, in the order of the regions.
  std::vector<std::unique_ptr<BlockPlan>> regions;
};

/// A value of an enclosing block that a region uses.
struct Capture {
  int outer, inner;
};

struct BlockPlan {
  mlir::Block *block = nullptr;
  int slotCount = 0;
  llvm::SmallVector<int> arguments;
  llvm::SmallVector<Capture> captures;
  std::vector<Step> steps;
  llvm::SmallVector<int> results;
  /// The operation that ends the block.
  mlir::Operation *terminator = nullptr;

  /// Values that are the same in every run; filled in by the first one.
  bool prepared = false;
  std::vector<bool> isConstant;
  std::vector<Value> constants;
  std::vector<bool> constantStep;
};

/// Plans a block and the regions inside.
std::unique_ptr<BlockPlan> planBlock(mlir::Block &block);

/// Plans one operation alone. `inputs` are the values that it and its regions read, in the order of
/// the plan's arguments; the plan's results are the operation's.
std::unique_ptr<BlockPlan> planOperation(mlir::Operation &op,
                                         llvm::SmallVectorImpl<mlir::Value> &inputs);

/// The key of an operation's kernel: `MatMul`, `ms.MatMulNBits`; `domain::Name` for domains without
/// a short form.
std::string kernelName(mlir::Operation *op);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_PLAN_H
