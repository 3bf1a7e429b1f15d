// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The wide product of a low-rank branch.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H

#include "LinearPlace.h"
#include "MmaAtom.h"

namespace qllm {

/// Products of a few columns, made where the sums of the loop become results. Operands go from
/// global memory to registers: they are read once, and the next block of a row or a column finds
/// them in the cache.
class LowRankBranch {
public:
  LowRankBranch(CodeBuilder &code, LinearPlace &place, int64_t rank, Buffer input, Buffer weight)
      : code(code), place(place), rank(rank), input(input), weight(weight) {}

  /// Sums of products of a block of 16 rows, four for each of `count` blocks of eight columns from
  /// the `first` on.
  llvm::SmallVector<mlir::Value> multiplyRows(int64_t block, int64_t first, int64_t count);
  /// Where rows and columns are exchanged: those of 16 columns with a block of eight rows.
  llvm::SmallVector<mlir::Value> multiplyColumns(int64_t block);

private:
  mlir::Value rowStart(Buffer matrix, mlir::Value row);
  mlir::Value columnStart(int64_t block);
  llvm::SmallVector<mlir::Value> multiply(llvm::ArrayRef<mlir::Value> left,
                                          llvm::ArrayRef<mlir::Value> right);
  Words loadWords(llvm::ArrayRef<mlir::Value> rows, int64_t step);

  CodeBuilder &code;
  LinearPlace &place;
  int64_t rank;
  Buffer input, weight;
  llvm::SmallVector<mlir::Value> columnStarts; ///< of each block of columns; null until it is known
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H
