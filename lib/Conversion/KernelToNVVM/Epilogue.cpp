// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of qk.linear after the sum.

#include "Epilogue.h"

#include "LinearFormula.h"
#include "LowRankBranch.h"
#include "ResultRow.h"

using namespace mlir;
using namespace qllm;

namespace {

class Epilogue {
public:
  Epilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
           const LinearArguments &all, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel),
        arguments(all.from(code, place.row(0, 0), kernel.columns)),
        formula(code, place, kernel, arguments, scaleLog2),
        branch(code, place, kernel.rank, arguments.branchInput, arguments.branchWeight) {}

  void emit(ValueRange sums) {
    for (int64_t block = 0; block != place.columnBlocks(); ++block)
      columns.push_back(formula.loadColumns(block));
    size_t count = columns.size() * 4;
    for (int64_t block = 0; block != place.rowBlocks(); ++block) {
      SmallVector<Value> branchSums(count);
      if (kernel.rank != 0)
        branchSums = branch.multiplyRows(block, 0, place.columnBlocks());
      for (int64_t half = 0; half != 2; ++half)
        emitRow(place.rowOffset(block, half), half, sums.slice(block * count, count), branchSums);
    }
  }

private:
  /// `row` is counted from the lane's first.
  void emitRow(int64_t row, int64_t half, ValueRange sums, ArrayRef<Value> branchSums) {
    code.when(code.less(code.constant(row), arguments.rows), [&] {
      RowValues values = formula.loadRow(row);
      ResultRow result(code, place, arguments, row);
      for (auto [block, column] : llvm::enumerate(columns)) {
        std::array<Value, 2> results;
        for (unsigned i = 0; i != 2; ++i) {
          size_t index = block * 4 + size_t(half) * 2 + i;
          results[i] = formula.finish(sums[index], values, column[i], branchSums[index]);
        }
        result.storePair(place.column(int64_t(block)), results);
      }
    });
  }

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  LinearArguments arguments; ///< from the lane's first row on
  LinearFormula formula;
  LowRankBranch branch;
  SmallVector<std::array<ColumnValues, 2>> columns;
};

} // namespace

void qllm::emitEpilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                        const LinearArguments &arguments, ValueRange sums, unsigned scaleLog2) {
  Epilogue(code, place, kernel, arguments, scaleLog2).emit(sums);
}
