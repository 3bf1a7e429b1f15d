// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Zero points, scales, bias, rounding.

#include "LinearFormula.h"

using namespace mlir;
using namespace qllm;

RowValues LinearFormula::loadRow(int64_t row) {
  RowValues values;
  auto load = [&](Buffer buffer) { return buffer ? place.load(buffer, row) : Value(); };
  // Those of groups are in the sum.
  if (!kernel.hasInputGroups) {
    values.scale = load(arguments.inputScales);
    values.zeroPoint = load(arguments.inputZeroPoints);
  }
  values.sum = load(arguments.inputSums);
  values.branchScale = load(arguments.branchInputScales);
  return values;
}

/// The sum of a column's (code - zero point), of that of its codes. It has 32 bits: the products
/// of all these and codes of inputs do, or 64 bits are wanted for what comes of it.
Value LinearFormula::centre(Value sum, Value zeroPoint) {
  if (!sum || !zeroPoint)
    return sum;
  return subtractProduct(sum, zeroPoint, code.constant(kernel.depth), proof.wideRight);
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
  if (!kernel.isGrouped()) {
    load(arguments.weightScales, &ColumnValues::scale);
    load(arguments.weightZeroPoints, &ColumnValues::zeroPoint);
  }
  if (!kernel.hasInputGroups)
    load(arguments.weightSums, &ColumnValues::centredSum);
  load(arguments.bias, &ColumnValues::bias);
  load(arguments.branchWeightScales, &ColumnValues::branchScale);
  for (ColumnValues &column : values)
    column.centredSum = centre(column.centredSum, column.zeroPoint);
  return values;
}

ColumnValues LinearFormula::loadColumn(Value column) {
  auto load = [&](Buffer buffer) { return buffer ? place.loadColumn(buffer, column) : Value(); };
  Value scale, zeroPoint;
  if (!kernel.isGrouped()) {
    scale = load(arguments.weightScales);
    zeroPoint = load(arguments.weightZeroPoints);
  }
  Value sum = kernel.hasInputGroups ? Value() : load(arguments.weightSums);
  return {scale, centre(sum, zeroPoint), zeroPoint, load(arguments.bias),
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

/// sum - a * b. Factors have 32 bits, or 64 where they are wide already.
Value LinearFormula::subtractProduct(Value sum, Value a, Value b, bool wide) {
  auto widen = [&](Value value) {
    return wide && value.getType() == code.i32() ? code.extendSigned64(value) : value;
  };
  return code.subtract(widen(sum), code.multiply(widen(a), widen(b)));
}

/// Integers up to the conversion; the division by 2^scaleLog2 leaves no rest. Zero points of
/// columns come off first, where most often 32 bits do: those of rows may be far outside the codes.
Value LinearFormula::finishWhole(Value sum, const RowValues &row, const ColumnValues &column) {
  if (scaleLog2 != 0)
    sum = code.shiftRightSigned(sum, scaleLog2);
  if (row.sum)
    sum = subtractProduct(sum, column.zeroPoint, row.sum, proof.wideRight);
  if (row.zeroPoint)
    sum = subtractProduct(sum, row.zeroPoint, column.centredSum, proof.wide);
  return code.multiplyFloat(code.intToFloat(sum), code.multiplyFloat(row.scale, column.scale));
}

Value LinearFormula::finishGroups(Value sum, const RowValues &row, const ColumnValues &column) {
  if (scaleLog2 != 0)
    sum = code.multiplyFloat(sum, code.constant(1.0f / float(1 << scaleLog2)));
  if (row.zeroPoint)
    sum = code.subtractFloat(sum,
                             code.multiplyFloat(code.intToFloat(row.zeroPoint), column.centredSum));
  return row.scale ? code.multiplyFloat(sum, row.scale) : sum;
}
