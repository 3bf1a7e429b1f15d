// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which lane finishes and stores which elements: a warp has all columns of its rows, or all rows of
// its columns.

#include "WarpgroupEpilogue.h"

#include "LinearFormula.h"
#include "LowRankBranch.h"
#include "ResultRow.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Blocks of columns whose values are loaded once for all rows; with more there is no room in
/// registers, and each row loads them again.
constexpr int64_t mostHeldBlocks = 8;

class WarpgroupEpilogue {
public:
  WarpgroupEpilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                    const LinearArguments &all, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel),
        arguments(all.from(code,
                           kernel.isTransposed() ? place.firstTransposedRow() : place.row(0, 0),
                           kernel.columns)),
        formula(code, place, kernel, arguments, scaleLog2),
        branch(code, place, kernel.rank, arguments.branchInput, arguments.branchWeight) {}

  /// Blocks of 16 rows and 8 columns: a lane has two neighbours in each half of the rows.
  void emit(ValueRange sums) {
    int64_t blocks = place.columnBlocks();
    SmallVector<std::array<ColumnValues, 2>> held;
    for (int64_t block = 0; block != blocks && blocks <= mostHeldBlocks; ++block)
      held.push_back(formula.loadColumns(block));
    branch.forParts([&](int64_t rows, int64_t first, ArrayRef<Value> branchSums) {
      int64_t count = int64_t(branchSums.size()) / 4;
      for (int64_t half = 0; half != 2; ++half)
        emitRow(place.rowOffset(rows, half), [&](const RowValues &row, ResultRow &result) {
          for (int64_t block = first; block != first + count; ++block) {
            std::array<ColumnValues, 2> columns =
                held.empty() ? formula.loadColumns(block) : held[block];
            std::array<Value, 2> results;
            for (unsigned i = 0; i != 2; ++i)
              results[i] =
                  formula.finish(sums[(rows * blocks + block) * 4 + half * 2 + i], row, columns[i],
                                 branchSums[(block - first) * 4 + half * 2 + i]);
            result.storePair(place.column(block), results);
          }
        });
    });
  }

  /// The same with rows and columns exchanged: neighbours lie in rows, halves in columns.
  void emitTransposed(ValueRange sums) {
    std::array<ColumnValues, 2> columns;
    std::array<Value, 2> indices;
    for (unsigned half = 0; half != 2; ++half) {
      indices[half] = place.transposedColumn(half);
      columns[half] = formula.loadColumn(indices[half]);
    }
    for (int64_t block = 0; block != kernel.wholeSide() / 8; ++block) {
      SmallVector<Value> branchSums = branch.multiplyColumns(/*tile=*/0, place.inputRow(block));
      for (unsigned i = 0; i != 2; ++i)
        emitRow(place.transposedRowOffset(block, i), [&](const RowValues &row, ResultRow &result) {
          for (unsigned half = 0; half != 2; ++half)
            store(result, indices[half],
                  formula.finish(sums[block * 4 + half * 2 + i], row, columns[half],
                                 branchSums[half * 2 + i]));
        });
    }
  }

private:
  /// `row` is counted from the lane's first.
  void emitRow(int64_t row, function_ref<void(const RowValues &, ResultRow &)> body) {
    code.when(code.less(code.constant(row), arguments.rows), [&] {
      RowValues values = formula.loadRow(row);
      ResultRow result(code, place, arguments, row);
      body(values, result);
    });
  }

  void store(ResultRow &result, Value column, Value value) {
    Value inside =
        place.hasRaggedColumns() ? code.less(column, code.constant(kernel.columns)) : Value();
    code.when(inside, [&] { result.store(column, value); });
  }

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  LinearArguments arguments; ///< from the lane's first row on
  LinearFormula formula;
  LowRankBranch branch;
};

} // namespace

void qllm::emitWarpgroupEpilogue(CodeBuilder &code, LinearPlace &place,
                                 const kernels::LinearKernel &kernel,
                                 const LinearArguments &arguments, ValueRange sums,
                                 unsigned scaleLog2) {
  WarpgroupEpilogue epilogue(code, place, kernel, arguments, scaleLog2);
  if (kernel.isTransposed())
    epilogue.emitTransposed(sums);
  else
    epilogue.emit(sums);
}
