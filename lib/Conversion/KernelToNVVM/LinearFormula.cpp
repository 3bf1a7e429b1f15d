// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Zero points, scales, bias, rounding.

#include "LinearFormula.h"

using namespace mlir;
using namespace qllm;

RowValues LinearFormula::loadRow(Value row) {
  RowValues values;
  // Those of groups are in the sum.
  if (!kernel.hasInputGroups)
    values.scale = place.loadRow(arguments.inputScales, row);
  if (arguments.inputZeroPoints && !kernel.hasInputGroups)
    values.zeroPoint = place.loadRow(arguments.inputZeroPoints, row);
  if (arguments.branchInputScales)
    values.branchScale = place.loadRow(arguments.branchInputScales, row);
  if (arguments.inputSums) {
    values.centredSum = widen(place.loadRow(arguments.inputSums, row));
    if (values.zeroPoint)
      values.centredSum =
          code.subtract(values.centredSum,
                        code.multiply(widen(values.zeroPoint), widen(code.constant(kernel.depth))));
  }
  return values;
}

std::array<ColumnValues, 2> LinearFormula::loadColumns(int64_t block) {
  std::array<ColumnValues, 2> values;
  auto load = [&](Buffer buffer, Value ColumnValues::*member) {
    if (!buffer)
      return;
    std::array<Value, 2> loaded = place.loadColumns(buffer, block);
    for (unsigned i = 0; i != 2; ++i)
      values[i].*member = loaded[i];
  };
  if (!kernel.isGrouped())
    load(arguments.weightScales, &ColumnValues::scale);
  if (!kernel.hasInputGroups)
    load(arguments.weightSums, &ColumnValues::sum);
  if (!kernel.isGrouped())
    load(arguments.weightZeroPoints, &ColumnValues::zeroPoint);
  load(arguments.bias, &ColumnValues::bias);
  load(arguments.branchWeightScales, &ColumnValues::branchScale);
  return values;
}

ColumnValues LinearFormula::loadColumn(Value column) {
  auto load = [&](Buffer buffer) { return buffer ? place.loadColumn(buffer, column) : Value(); };
  return {kernel.isGrouped() ? Value() : load(arguments.weightScales), load(arguments.weightSums),
          load(arguments.weightZeroPoints), load(arguments.bias),
          load(arguments.branchWeightScales)};
}

Value LinearFormula::finish(Value sum, const RowValues &row, const ColumnValues &column,
                            Value branchSum) {
  Value value = kernel.isGrouped() ? finishGroups(sum, row, column) : finishWhole(sum, row, column);
  if (branchSum)
    value = code.addFloat(
        value, code.multiplyFloat(code.intToFloat(branchSum),
                                  code.multiplyFloat(row.branchScale, column.branchScale)));
  return column.bias ? code.addFloat(value, column.bias) : value;
}

/// Integers up to the conversion; the division by 2^scaleLog2 leaves no rest.
Value LinearFormula::finishWhole(Value sum, const RowValues &row, const ColumnValues &column) {
  if (scaleLog2 != 0)
    sum = code.shiftRightSigned(sum, scaleLog2);
  sum = widen(sum);
  if (row.zeroPoint)
    sum = code.subtract(sum, code.multiply(widen(row.zeroPoint), widen(column.sum)));
  if (row.centredSum)
    sum = code.subtract(sum, code.multiply(row.centredSum, widen(column.zeroPoint)));
  return code.multiplyFloat(code.intToFloat(sum), code.multiplyFloat(row.scale, column.scale));
}

Value LinearFormula::finishGroups(Value sum, const RowValues &row, const ColumnValues &column) {
  if (scaleLog2 != 0)
    sum = code.multiplyFloat(sum, code.constant(1.0f / float(1 << scaleLog2)));
  if (row.zeroPoint)
    sum = code.subtractFloat(sum, code.multiplyFloat(code.intToFloat(row.zeroPoint), column.sum));
  return row.scale ? code.multiplyFloat(sum, row.scale) : sum;
}
