// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pairs where the number of columns is even, single elements where it is not.

#include "MatrixRow.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qllm;

MatrixRow::MatrixRow(CodeBuilder &code, LinearPlace &place, Buffer matrix, Value row)
    : MatrixRow(code, place, matrix, int64_t(0)) {
  start = code.advance(start, code.multiply(row, code.constant64(place.totalColumns() * bytes)));
}

MatrixRow::MatrixRow(CodeBuilder &code, LinearPlace &place, Buffer matrix, int64_t row)
    : code(code), place(place), elementType(matrix.elementType),
      bytes(matrix.elementType.getIntOrFloatBitWidth() / 8),
      start(code.advance(matrix.pointer, row * place.totalColumns() * bytes)) {}

Value MatrixRow::at(Value column) { return code.advance(start, code.multiply(column, bytes)); }

Value MatrixRow::round(Value value) {
  return elementType.isF32()
             ? value
             : arith::TruncFOp::create(code.getBuilder(), code.getLoc(), elementType, value)
                   .getResult();
}

void MatrixRow::store(Value column, Value value) { code.store(round(value), at(column), bytes); }

Value MatrixRow::load(Value column) { return code.load(elementType, at(column), bytes); }

void MatrixRow::storePair(Value column, std::array<Value, 2> values) {
  place.storeColumns({round(values[0]), round(values[1])}, start, column);
}

std::array<Value, 2> MatrixRow::loadPair(Value column) {
  auto clamp = [&](Value index, int64_t last) {
    return place.hasRaggedColumns() ? code.minimum(index, code.constant(last)) : index;
  };
  int64_t columns = place.totalColumns();
  if (!place.hasColumnPairs())
    return {load(clamp(column, columns - 1)), load(clamp(code.add(column, 1), columns - 1))};
  Value pair =
      code.load(VectorType::get(2, elementType), at(clamp(column, columns - 2)), 2 * bytes);
  return {code.element(pair, 0), code.element(pair, 1)};
}
