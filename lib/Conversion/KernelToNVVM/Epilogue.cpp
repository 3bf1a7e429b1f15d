// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formulas of qk.linear after the sum.

#include "Epilogue.h"

#include "LowRankBranch.h"
#include "MatrixRow.h"

using namespace mlir;
using namespace qllm;

namespace {

/// What belongs to one row of the product.
struct RowValues {
  Value row, scale;
  Value zeroPoint;   ///< null where inputs are symmetric
  Value centredSum;  ///< sum of (code - zero point); null where weights are symmetric
  Value branchScale; ///< null where there is no low-rank branch
};

/// What belongs to the lane's two columns of a block; absent ones are null.
struct ColumnValues {
  Value column;
  std::array<Value, 2> scales, sums, zeroPoints, bias, branchScales;
};

class Epilogue {
public:
  Epilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
           const LinearArguments &arguments, unsigned scaleLog2)
      : code(code), place(place), kernel(kernel), arguments(arguments), scaleLog2(scaleLog2),
        wide(!kernel.isGrouped() && kernel.hasWideCorrection()),
        branch(code, place, kernel.rank, arguments.branchInput, arguments.branchWeight) {}

  void emit(ValueRange sums) {
    for (int64_t block = 0; block != place.columnBlocks(); ++block)
      columns.push_back(loadColumns(block));
    for (int64_t block = 0; block != place.rowBlocks(); ++block) {
      branchSums.clear();
      if (kernel.rank != 0)
        branchSums = branch.multiplyRows(block);
      for (int64_t half = 0; half != 2; ++half)
        emitRow(place.row(block, half), sums.slice(block * columns.size() * 4, columns.size() * 4),
                half);
    }
  }

private:
  ColumnValues loadColumns(int64_t block) {
    ColumnValues values;
    values.column = place.column(block);
    auto load = [&](Buffer buffer) {
      return buffer ? place.loadColumns(buffer, block) : std::array<Value, 2>();
    };
    values.scales = kernel.isGrouped() ? std::array<Value, 2>() : load(arguments.weightScales);
    values.sums = load(arguments.weightSums);
    values.zeroPoints = load(arguments.weightZeroPoints);
    values.bias = load(arguments.bias);
    values.branchScales = load(arguments.branchWeightScales);
    return values;
  }

  RowValues loadRow(Value row) {
    RowValues values;
    values.row = row;
    values.scale = place.loadRow(arguments.inputScales, row);
    if (arguments.inputZeroPoints)
      values.zeroPoint = place.loadRow(arguments.inputZeroPoints, row);
    if (arguments.branchInputScales)
      values.branchScale = place.loadRow(arguments.branchInputScales, row);
    if (arguments.inputSums) {
      values.centredSum = widen(place.loadRow(arguments.inputSums, row));
      if (values.zeroPoint)
        values.centredSum =
            code.subtract(values.centredSum, code.multiply(widen(values.zeroPoint),
                                                           widen(code.constant(kernel.depth))));
    }
    return values;
  }

  /// To the width that zero points are taken off in.
  Value widen(Value value) { return wide ? code.extendSigned64(value) : value; }

  void emitRow(Value row, ValueRange sums, int64_t half) {
    code.when(code.less(row, arguments.rows), [&] {
      RowValues values = loadRow(row);
      MatrixRow result(code, place, arguments.result, code.extend64(row));
      for (auto [block, column] : llvm::enumerate(columns)) {
        std::array<Value, 2> results;
        for (unsigned i = 0; i != 2; ++i)
          results[i] = finish(sums, block * 4 + half * 2 + i, values, column, i);
        result.storePair(column.column, results);
      }
    });
  }

  Value finish(ValueRange sums, size_t index, const RowValues &row, const ColumnValues &column,
               unsigned i) {
    Value value = kernel.isGrouped() ? finishGroups(sums[index], row, column.sums[i])
                                     : finishWhole(sums[index], row, column, i);
    if (row.branchScale)
      value = code.addFloat(
          value, code.multiplyFloat(code.intToFloat(branchSums[index]),
                                    code.multiplyFloat(row.branchScale, column.branchScales[i])));
    return column.bias[i] ? code.addFloat(value, column.bias[i]) : value;
  }

  /// Integers up to the conversion; the division by 2^scaleLog2 leaves no rest.
  Value finishWhole(Value sum, const RowValues &row, const ColumnValues &column, unsigned i) {
    if (scaleLog2 != 0)
      sum = code.shiftRightSigned(sum, scaleLog2);
    sum = widen(sum);
    if (row.zeroPoint)
      sum = code.subtract(sum, code.multiply(widen(row.zeroPoint), widen(column.sums[i])));
    if (row.centredSum)
      sum = code.subtract(sum, code.multiply(row.centredSum, widen(column.zeroPoints[i])));
    return code.multiplyFloat(code.intToFloat(sum),
                              code.multiplyFloat(row.scale, column.scales[i]));
  }

  Value finishGroups(Value sum, const RowValues &row, Value weightSum) {
    if (scaleLog2 != 0)
      sum = code.multiplyFloat(sum, code.constant(1.0f / float(1 << scaleLog2)));
    if (row.zeroPoint)
      sum = code.subtractFloat(sum, code.multiplyFloat(code.intToFloat(row.zeroPoint), weightSum));
    return code.multiplyFloat(sum, row.scale);
  }

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  const LinearArguments &arguments;
  unsigned scaleLog2;
  bool wide;
  LowRankBranch branch;
  SmallVector<ColumnValues> columns;
  SmallVector<Value> branchSums; ///< of a block of rows
};

} // namespace

void qllm::emitEpilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                        const LinearArguments &arguments, ValueRange sums, unsigned scaleLog2) {
  Epilogue(code, place, kernel, arguments, scaleLog2).emit(sums);
}
