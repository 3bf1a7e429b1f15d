// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which lane finishes and stores which elements: a warp has all columns of its rows, or all rows of
// its columns.

#include "WarpgroupEpilogue.h"

#include "LinearFormula.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Blocks of columns whose values are loaded once for all rows; with more there is no room in
/// registers, and each row loads them again.
constexpr int64_t mostHeldBlocks = 8;

class WarpgroupEpilogue {
public:
  WarpgroupEpilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                    const LinearArguments &arguments, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel), arguments(arguments),
        formula(code, place, kernel, arguments, scaleLog2),
        bytes(arguments.result.elementType.getIntOrFloatBitWidth() / 8) {}

  /// Blocks of 16 rows and 8 columns: a lane has two neighbours in each half of the rows.
  void emit(ValueRange sums) {
    int64_t blocks = place.columnBlocks();
    SmallVector<std::array<ColumnValues, 2>> held;
    for (int64_t block = 0; block != blocks && blocks <= mostHeldBlocks; ++block)
      held.push_back(formula.loadColumns(block));
    for (int64_t rows = 0; rows != place.rowBlocks(); ++rows)
      for (int64_t half = 0; half != 2; ++half)
        emitRow(place.row(rows, half), [&](const RowValues &row, Value pointer) {
          for (int64_t block = 0; block != blocks; ++block) {
            std::array<ColumnValues, 2> columns =
                held.empty() ? formula.loadColumns(block) : held[block];
            std::array<Value, 2> results;
            for (unsigned i = 0; i != 2; ++i)
              results[i] =
                  formula.finish(sums[(rows * blocks + block) * 4 + half * 2 + i], row, columns[i]);
            storePair(results, pointer, place.column(block));
          }
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
    for (int64_t block = 0; block != kernel.wholeSide() / 8; ++block)
      for (unsigned i = 0; i != 2; ++i)
        emitRow(place.transposedRow(block, i), [&](const RowValues &row, Value pointer) {
          for (unsigned half = 0; half != 2; ++half)
            store(formula.finish(sums[block * 4 + half * 2 + i], row, columns[half]), pointer,
                  indices[half], bytes);
        });
  }

private:
  void emitRow(Value row, function_ref<void(const RowValues &, Value)> body) {
    code.when(code.less(row, arguments.rows), [&] {
      RowValues values = formula.loadRow(row);
      Value start = code.multiply(code.extend64(row), code.constant64(kernel.columns * bytes));
      body(values, code.advance(arguments.result.pointer, start));
    });
  }

  void storePair(std::array<Value, 2> results, Value rowPointer, Value column) {
    if (place.hasColumnPairs())
      return store(code.pair(results[0], results[1]), rowPointer, column, 2 * bytes);
    store(results[0], rowPointer, column, bytes);
    store(results[1], rowPointer, code.add(column, 1), bytes);
  }

  void store(Value value, Value rowPointer, Value column, unsigned alignment) {
    Value inside =
        place.hasRaggedColumns() ? code.less(column, code.constant(kernel.columns)) : Value();
    code.when(inside, [&] {
      code.store(value, code.advance(rowPointer, code.multiply(column, bytes)), alignment);
    });
  }

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  const LinearArguments &arguments;
  LinearFormula formula;
  unsigned bytes;
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
