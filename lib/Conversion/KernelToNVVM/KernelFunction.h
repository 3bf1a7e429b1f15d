// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a kernel: its arguments are what KernelOpInterface says.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_KERNELFUNCTION_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_KERNELFUNCTION_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// A pointer argument and the type of what it points to; null for an absent operand.
struct Buffer {
  mlir::Value pointer;
  mlir::Type elementType;

  explicit operator bool() const { return bool(pointer); }
};

/// A function with a pointer for each operand of the operation and for each result that has memory
/// of its own, and then its sizes.
class KernelFunction {
public:
  /// The builder moves to the start of the body. Blocks have `threads` threads. Of the operands
  /// `mapped` the kernel gets tensor maps, by value.
  KernelFunction(mlir::OpBuilder &builder, qk::KernelOpInterface op, llvm::StringRef name,
                 int64_t threads, llvm::ArrayRef<int64_t> mapped = {});

  /// The argument of an operand or result of the operation; null for a null value.
  Buffer operator[](mlir::Value tensor) const { return tensor ? buffers.at(tensor) : Buffer(); }
  /// The number of rows is the first.
  mlir::Value size(unsigned index) const { return sizes[index]; }

private:
  llvm::DenseMap<mlir::Value, Buffer> buffers;
  llvm::SmallVector<mlir::Value> sizes;
};

/// Has the assembler give threads of the function that the builder is in the registers they can use,
/// where it might spill some to make room for another block.
void giveAllRegisters(mlir::OpBuilder &builder);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_KERNELFUNCTION_H
