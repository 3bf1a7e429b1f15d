// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of qk.linear after the sum.

#include "Epilogue.h"

#include "LinearFormula.h"
#include "LowRankBranch.h"
#include "ResultRow.h"
#include "qllm/Kernels/ThreadRegisters.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Registers for a branch of each block of columns: sums, the address of a row and two words of it;
/// and for everything else but sums and columns.
constexpr int64_t branchRegisters = 8, otherRegisters = 64;

class Epilogue {
public:
  Epilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
           const LinearArguments &all, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel),
        arguments(all.from(code, place.row(0, 0), kernel.columns)),
        formula(code, place, kernel, arguments, scaleLog2),
        branch(code, place, kernel.rank, arguments.branchInput, arguments.branchWeight) {}

  void emit(ValueRange sums) {
    int64_t blocks = place.columnBlocks(), atOnce = blocksAtOnce();
    for (int64_t first = 0; first < blocks; first += atOnce) {
      int64_t count = std::min(atOnce, blocks - first);
      columns.resize(first == 0 ? 1 : 0);
      for (int64_t block = first + int64_t(columns.size()); block != first + count; ++block)
        columns.push_back(formula.loadColumns(block));
      for (int64_t rows = 0; rows != place.rowBlocks(); ++rows) {
        SmallVector<Value> branchSums = branch.multiplyRows(rows, first, count);
        ValueRange ofBlocks = sums.slice((rows * blocks + first) * 4, count * 4);
        for (int64_t half = 0; half != 2; ++half)
          emitRow(place.rowOffset(rows, half), half, first, ofBlocks, branchSums);
      }
    }
  }

private:
  /// Blocks of columns whose values, and sums and addresses of a branch, are there at a time: as
  /// many as there is room for beside all sums. The values of the first are loaded.
  int64_t blocksAtOnce() {
    columns.assign(1, formula.loadColumns(0));
    int64_t ofBlock = kernel.rank != 0 ? branchRegisters : 0;
    for (const ColumnValues &column : columns.front())
      ofBlock += registersOf(column);
    int64_t room = kernels::registersOfThread(kernel.schedule.threads()) - otherRegisters -
                   place.rowBlocks() * place.columnBlocks() * 4;
    int64_t count = place.columnBlocks();
    while (count > 1 && count * ofBlock > room)
      count = (count + 1) / 2;
    return count;
  }

  static int64_t registersOf(const ColumnValues &column) {
    int64_t count = 0;
    for (Value value :
         {column.scale, column.centredSum, column.zeroPoint, column.bias, column.branchScale})
      count += value ? value.getType().isInteger(64) ? 2 : 1 : 0;
    return count;
  }

  /// `row` is counted from the lane's first, blocks of columns from `first` on.
  void emitRow(int64_t row, int64_t half, int64_t first, ValueRange sums,
               ArrayRef<Value> branchSums) {
    code.when(code.less(code.constant(row), arguments.rows), [&] {
      RowValues values = formula.loadRow(row);
      ResultRow result(code, place, arguments, row);
      for (auto [block, column] : llvm::enumerate(columns)) {
        std::array<Value, 2> results;
        for (unsigned i = 0; i != 2; ++i) {
          size_t index = block * 4 + size_t(half) * 2 + i;
          results[i] = formula.finish(sums[index], values, column[i], branchSums[index]);
        }
        result.storePair(place.column(first + int64_t(block)), results);
      }
    });
  }

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  LinearArguments arguments; ///< from the lane's first row on
  LinearFormula formula;
  LowRankBranch branch;
  SmallVector<std::array<ColumnValues, 2>> columns; ///< of the blocks that are there
};

} // namespace

void qllm::emitEpilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                        const LinearArguments &arguments, ValueRange sums, unsigned scaleLog2) {
  Epilogue(code, place, kernel, arguments, scaleLog2).emit(sums);
}
