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

  /// Sums of products of a block of 16 rows, four for each block of eight columns.
  llvm::SmallVector<mlir::Value> multiplyRows(int64_t block);

private:
  mlir::Value rowStart(Buffer matrix, mlir::Value row);
  Words loadWords(llvm::ArrayRef<mlir::Value> rows, int64_t step);

  CodeBuilder &code;
  LinearPlace &place;
  int64_t rank;
  Buffer input, weight;
  llvm::SmallVector<mlir::Value> columnStarts; ///< of each block of columns, once they are known
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H
