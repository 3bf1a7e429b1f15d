// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Indices of blocks, warps and lanes, and loads of what belongs to a row or a column.

#include "LinearPlace.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The builtin integers of LLVM have no sign of their own.
Type signless(Type type) {
  return type.isInteger() ? IntegerType::get(type.getContext(), type.getIntOrFloatBitWidth())
                          : type;
}

} // namespace

LinearArguments LinearArguments::from(CodeBuilder &code, Value row, int64_t columns) const {
  LinearArguments rest = *this;
  auto skip = [&](Buffer &buffer, int64_t elements) {
    if (buffer)
      buffer.pointer = code.advanceWide(
          buffer.pointer, row, elements * (buffer.elementType.getIntOrFloatBitWidth() / 8));
  };
  for (Buffer *vector :
       {&rest.inputScales, &rest.inputZeroPoints, &rest.inputSums, &rest.branchInputScales})
    skip(*vector, 1);
  for (Buffer *matrix : {&rest.gate, &rest.residual, &rest.result})
    skip(*matrix, columns);
  rest.rows = code.subtract(rows, row);
  return rest;
}

LinearPlace::LinearPlace(CodeBuilder &code, const kernels::Schedule &schedule, int64_t columns,
                         Value rows, Value tile)
    : code(code), schedule(schedule), columns(columns), rows(rows) {
  OpBuilder &builder = code.getBuilder();
  thread = NVVM::ThreadIdXOp::create(builder, code.getLoc(), code.i32());
  if (!tile)
    tile = code.columnBlock();
  tileRow = code.multiply(code.rowBlock(), schedule.tileRows);
  tileColumn = code.multiply(tile, schedule.tileColumns);
  lane = code.bitAnd(thread, 31);
  Value warp = code.shiftRight(thread, 5);
  warpRow = code.multiply(code.divide(warp, schedule.warpColumns), schedule.rowsOfWarp());
  warpColumn = code.multiply(code.remainder(warp, schedule.warpColumns), schedule.columnsOfWarp());
}

Value LinearPlace::row(int64_t block, int64_t half) {
  Value inWarp = code.add(warpRow, code.shiftRight(lane, 2));
  return code.add(code.add(tileRow, inWarp), rowOffset(block, half));
}

Value LinearPlace::column(int64_t block) {
  Value inWarp = code.add(warpColumn, code.shiftLeft(code.bitAnd(lane, 3), 1));
  return code.add(code.add(tileColumn, inWarp), block * 8);
}

Value LinearPlace::weightColumn(int64_t block) {
  Value inWarp = code.add(warpColumn, code.shiftRight(lane, 2));
  return code.add(code.add(tileColumn, inWarp), block * 8);
}

Value LinearPlace::clampRow(Value row) {
  return code.minimum(row, code.subtract(rows, code.constant(int64_t(1))));
}

Value LinearPlace::clampColumn(Value column) {
  return hasRaggedColumns() ? code.minimum(column, code.constant(columns - 1)) : column;
}

SmallVector<SumPlace> LinearPlace::sumPlaces() {
  Value first = code.add(warpColumn, code.shiftLeft(code.bitAnd(lane, 3), 1));
  SmallVector<SumPlace> places;
  for (int64_t rowBlock = 0; rowBlock != rowBlocks(); ++rowBlock) {
    SumPlace halves[2];
    for (int64_t half = 0; half != 2; ++half) {
      halves[half].row = row(rowBlock, half);
      halves[half].inside = code.less(halves[half].row, rows);
    }
    for (int64_t block = 0; block != columnBlocks(); ++block)
      for (SumPlace place : halves)
        places.push_back({place.row, code.add(first, block * 8), place.inside});
  }
  return places;
}

Value LinearPlace::firstTransposedRow() {
  Value inWarp = code.add(warpRow, code.shiftLeft(code.bitAnd(lane, 3), 1));
  return code.add(tileRow, inWarp);
}

Value LinearPlace::transposedColumn(int64_t half) {
  Value inWarp = code.add(warpColumn, code.shiftRight(lane, 2));
  return code.add(code.add(tileColumn, inWarp), half * 8);
}

Value LinearPlace::inputRow(int64_t block) {
  Value inWarp = code.add(warpRow, code.shiftRight(lane, 2));
  return code.add(code.add(tileRow, inWarp), block * 8);
}

Value LinearPlace::extend(Value value, Type elementType) {
  if (elementType.getIntOrFloatBitWidth() == 32)
    return value;
  if (!elementType.isInteger())
    return arith::ExtFOp::create(code.getBuilder(), code.getLoc(), code.f32(), value);
  if (elementType.isUnsignedInteger())
    return arith::ExtUIOp::create(code.getBuilder(), code.getLoc(), code.i32(), value);
  return arith::ExtSIOp::create(code.getBuilder(), code.getLoc(), code.i32(), value);
}

Value LinearPlace::loadAt(Value pointer, Type elementType) {
  unsigned bytes = elementType.getIntOrFloatBitWidth() / 8;
  return extend(code.loadConstant(signless(elementType), pointer, bytes), elementType);
}

Value LinearPlace::address(Buffer buffer, Value column, GroupRow row) {
  int64_t bytes = buffer.elementType.getIntOrFloatBitWidth() / 8;
  Value inRow = code.advance(buffer.pointer, code.multiply(column, bytes));
  if (!row.index)
    return inRow;
  int64_t pitch = columns * bytes;
  return code.advance(code.advanceWide(inRow, row.index, row.count * pitch), row.offset * pitch);
}

LinearPlace::HalfByte LinearPlace::halfByte(Buffer buffer, Value column, GroupRow row) {
  Value element = column;
  if (row.index) {
    Value rowIndex = code.add(code.multiply(row.index, row.count), row.offset);
    element = code.add(code.multiply(rowIndex, columns), column);
  }
  Type i8 = IntegerType::get(buffer.elementType.getContext(), 8);
  Value from = code.advance(buffer.pointer, code.shiftRight(element, 1));
  Value byte = code.loadConstant(i8, from, 1);
  return {arith::ExtUIOp::create(code.getBuilder(), code.getLoc(), code.i32(), byte), element};
}

Value LinearPlace::loadElement(Buffer buffer, Value index, GroupRow row) {
  if (buffer.elementType.getIntOrFloatBitWidth() == 4) {
    HalfByte half = halfByte(buffer, index, row);
    Value upper = code.isEqual(code.bitAnd(half.element, 1), code.constant(int64_t(1)));
    return code.bitAnd(code.select(upper, code.shiftRight(half.byte, 4), half.byte), 15);
  }
  return loadAt(address(buffer, index, row), buffer.elementType);
}

Value LinearPlace::loadRow(Buffer buffer, Value row) { return loadElement(buffer, clampRow(row)); }

Value LinearPlace::load(Buffer buffer, int64_t index) {
  int64_t bytes = buffer.elementType.getIntOrFloatBitWidth() / 8;
  return loadAt(code.advance(buffer.pointer, index * bytes), buffer.elementType);
}

Value LinearPlace::loadInRow(Buffer buffer, Value row, int64_t columns, Value column) {
  int64_t bytes = buffer.elementType.getIntOrFloatBitWidth() / 8;
  buffer.pointer = code.advanceWide(buffer.pointer, clampRow(row), columns * bytes);
  return loadElement(buffer, column);
}

Value LinearPlace::loadColumn(Buffer buffer, Value column, GroupRow row) {
  return loadElement(buffer, clampColumn(column), row);
}

std::array<Value, 2> LinearPlace::loadColumns(Buffer buffer, int64_t block, GroupRow row) {
  auto clamp = [&](Value index, int64_t last) {
    return hasRaggedColumns() ? code.minimum(index, code.constant(last)) : index;
  };
  Value first = column(block);
  if (!hasColumnPairs())
    return {loadElement(buffer, clamp(first, columns - 1), row),
            loadElement(buffer, clamp(code.add(first, 1), columns - 1), row)};
  // An even number of columns, so both are in one byte.
  if (buffer.elementType.getIntOrFloatBitWidth() == 4) {
    Value byte = halfByte(buffer, clamp(first, columns - 2), row).byte;
    return {code.bitAnd(byte, 15), code.shiftRight(byte, 4)};
  }
  int64_t bytes = buffer.elementType.getIntOrFloatBitWidth() / 8;
  Value loaded =
      code.loadConstant(VectorType::get(2, signless(buffer.elementType)),
                        address(buffer, clamp(first, columns - 2), row), unsigned(2 * bytes));
  return {extend(code.element(loaded, 0), buffer.elementType),
          extend(code.element(loaded, 1), buffer.elementType)};
}

void LinearPlace::storeColumns(std::array<Value, 2> results, Value rowPointer, Value column) {
  unsigned bytes = results[0].getType().getIntOrFloatBitWidth() / 8;
  auto storeAt = [&](Value value, Value index, unsigned alignment) {
    Value inside = hasRaggedColumns() ? code.less(index, code.constant(columns)) : Value();
    code.when(inside, [&] {
      code.store(value, code.advance(rowPointer, code.multiply(index, bytes)), alignment);
    });
  };
  if (hasColumnPairs())
    return storeAt(code.pair(results[0], results[1]), column, 2 * bytes);
  storeAt(results[0], column, bytes);
  storeAt(results[1], code.add(column, 1), bytes);
}
