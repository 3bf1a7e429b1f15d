// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which memory every tensor of a function of launches is in, for how long.

#ifndef QLLM_LIB_CONVERSION_KERNELTOGPU_BUFFERPLAN_H
#define QLLM_LIB_CONVERSION_KERNELTOGPU_BUFFERPLAN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

class BufferPlan {
public:
  /// Of a function with one block of constants, launches and its end.
  explicit BufferPlan(mlir::func::FuncOp function);

  /// The operand in whose place the result is, if that needs no copy or a copy of the operand
  /// first.
  struct Place {
    unsigned operand;
    bool isCopied;
  };
  std::optional<Place> placeOf(mlir::OpResult result) const;

  /// The values whose memory is allocated here and not used behind `op`; each stands for its
  /// memory.
  mlir::ArrayRef<mlir::Value> freedAfter(mlir::Operation *op) const;

private:
  void addRoot(mlir::Value value);
  void placeResults(qk::LaunchOp launch);
  bool isReadLater(mlir::Value operand, qk::LaunchOp launch) const;
  void planFrees(mlir::Block &block);

  llvm::DenseMap<mlir::Value, Place> places;
  /// The first value in the memory of each.
  llvm::DenseMap<mlir::Value, mlir::Value> roots;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> aliases;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<mlir::Value>> frees;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTOGPU_BUFFERPLAN_H
