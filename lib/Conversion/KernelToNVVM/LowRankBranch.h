// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The wide product of a low-rank branch.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H

#include "HalfAtom.h"
#include "LinearPlace.h"

namespace qllm {

/// Products of a few columns, made where the sums of the loop become results: of bytes, or of
/// 16-bit floats and bytes. Operands go from global memory to registers: they are read once, and
/// the next block of a row or a column finds them in the cache.
class LowRankBranch {
public:
  LowRankBranch(CodeBuilder &code, LinearPlace &place, int64_t rank, Buffer input, Buffer weight)
      : code(code), place(place), rank(rank), input(input), weight(weight) {}

  /// Sums of products of a block of 16 rows, four for each of `count` blocks of eight columns from
  /// the `first` on; nulls where there is no branch.
  llvm::SmallVector<mlir::Value> multiplyRows(int64_t block, int64_t first, int64_t count);
  /// Where rows and columns are exchanged: those of tile `tile` of 16 columns with eight rows, of
  /// which the lane multiplies `row`.
  llvm::SmallVector<mlir::Value> multiplyColumns(int64_t tile, mlir::Value row);

  /// The same for all blocks of rows, each with a few blocks of columns at a time: there is no room
  /// in registers for more beside the sums of a large tile.
  void
  forParts(llvm::function_ref<void(int64_t rows, int64_t first, llvm::ArrayRef<mlir::Value>)> body);

private:
  /// Where the lane's elements of some rows of an operand begin.
  struct Rows {
    llvm::SmallVector<mlir::Value> starts;
    bool areWeights;
  };

  bool hasFloats() const { return !input.elementType.isInteger(); }
  kernels::HalfKind kindOfFloats() const {
    return input.elementType.isF16() ? kernels::HalfKind::F16 : kernels::HalfKind::BF16;
  }
  /// Elements of the rank that an instruction sums over.
  int64_t stepDepth() const { return hasFloats() ? 16 : 32; }
  mlir::Value rowStart(Buffer matrix, mlir::Value row);
  mlir::Value columnStart(int64_t block);
  Rows advance(const Rows &rows, mlir::Value elements);
  llvm::SmallVector<mlir::Value> multiply(Rows left, Rows right);
  void addSteps(const Rows &left, const Rows &right, int64_t firstStep, int64_t endStep,
                llvm::SmallVectorImpl<mlir::Value> &sums);
  Words multiplyAdd(llvm::ArrayRef<mlir::Value> left, llvm::ArrayRef<mlir::Value> right,
                    llvm::ArrayRef<mlir::Value> sums);
  Words loadRow(mlir::Value start, bool isWeight, int64_t step);
  Words loadWords(llvm::ArrayRef<mlir::Value> starts, bool areWeights, int64_t step);

  CodeBuilder &code;
  LinearPlace &place;
  int64_t rank;
  Buffer input, weight;
  llvm::SmallVector<mlir::Value> columnStarts; ///< of each block of columns; null until it is known
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LOWRANKBRANCH_H
