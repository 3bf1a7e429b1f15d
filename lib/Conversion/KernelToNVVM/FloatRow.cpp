// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads of 16 bytes, and arithmetic on registers.

#include "FloatRow.h"

#include "FloatMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t pieceLength = RowThreads::pieceLength;

int64_t bytesOf(Type type) { return type.getIntOrFloatBitWidth() / 8; }

} // namespace

/// Eight elements from `column` on, as f32 or i32.
SmallVector<Value> FloatRow::loadAt(Buffer buffer, Value base, Value column) {
  OpBuilder &builder = code.getBuilder();
  int64_t bytes = bytesOf(buffer.elementType), perLoad = 16 / bytes;
  Value pointer = code.advance(base, code.multiply(column, bytes));
  SmallVector<Value> elements;
  for (int64_t first = 0; first != pieceLength; first += perLoad) {
    Value loaded = code.loadConstant(VectorType::get(perLoad, buffer.elementType),
                                     code.advance(pointer, first * bytes), 16);
    if (bytes == 2)
      loaded = arith::ExtFOp::create(builder, code.getLoc(), VectorType::get(perLoad, code.f32()),
                                     loaded);
    for (int64_t i = 0; i != perLoad; ++i)
      elements.push_back(code.element(loaded, unsigned(i)));
  }
  return elements;
}

Value FloatRow::rowOf(Buffer matrix) {
  Value bytes = code.constant64(columns * bytesOf(matrix.elementType));
  return code.advance(matrix.pointer, code.multiply(code.extend64(threads.row), bytes));
}

/// Of one that all rows read. A loop over rows would load it once and hold it, for which long rows
/// leave no registers: there it takes the row, which is not negative, to know the place.
Value FloatRow::vectorOf(Buffer vector) {
  if (kernel.rowsOfBlock() == kernel.rowsAtOnce() || pieces() <= 2)
    return vector.pointer;
  return code.advance(vector.pointer, code.shiftRightSigned(threads.row, 31));
}

SmallVector<Value> FloatRow::loadPiece(Buffer vector, int64_t piece) {
  return loadAt(vector, vectorOf(vector), threads.column(piece, columns));
}

void FloatRow::load(Buffer matrix) {
  Value base = rowOf(matrix);
  for (int64_t i = 0; i != pieces(); ++i)
    values.append(loadAt(matrix, base, threads.column(i, columns)));
}

void FloatRow::addResidual(Buffer residual, Buffer stream) {
  OpBuilder &builder = code.getBuilder();
  Type type = residual.elementType;
  Value base = rowOf(residual), streamBase = stream ? rowOf(stream) : Value();
  int64_t bytes = bytesOf(type), perStore = 16 / bytes;
  for (int64_t i = 0; i != pieces(); ++i) {
    Value column = threads.column(i, columns);
    SmallVector<Value> others = loadAt(residual, base, column), rounded;
    for (auto [j, other] : llvm::enumerate(others)) {
      Value sum = code.addFloat(values[i * pieceLength + j], other);
      if (!type.isF32())
        sum = arith::TruncFOp::create(builder, code.getLoc(), type, sum);
      rounded.push_back(sum);
      values[i * pieceLength + j] =
          type.isF32() ? sum
                       : arith::ExtFOp::create(builder, code.getLoc(), code.f32(), sum).getResult();
    }
    if (!stream)
      continue;
    code.when(threads.inside(i, columns), [&] {
      Value pointer = code.advance(streamBase, code.multiply(column, bytes));
      for (int64_t first = 0; first != pieceLength; first += perStore)
        code.store(code.vector(ArrayRef(rounded).slice(first, perStore)),
                   code.advance(pointer, first * bytes), 16);
    });
  }
}

Value FloatRow::sum(llvm::function_ref<Value(Value, Value)> function) {
  Value total = code.constant(0.0f);
  for (int64_t i = 0; i != pieces(); ++i) {
    Value before = total;
    for (Value element : piece(i))
      total = function(element, total);
    if (Value inside = threads.inside(i, columns))
      total = code.select(inside, total, before);
  }
  return threads.combine(Combine::AddFloat, total);
}

void FloatRow::normalize(const RowNorm &norm) {
  Value count = code.constant(float(columns)), one = code.constant(1.0f);
  if (norm.isCentred) {
    Value total = sum([&](Value x, Value sum) { return code.addFloat(sum, x); });
    Value mean = floats::divide(code, total, count);
    for (Value &value : values)
      value = code.subtractFloat(value, mean);
  }
  Value squares = sum([&](Value x, Value sum) { return code.multiplyAdd(x, x, sum); });
  Value variance = code.addFloat(floats::divide(code, squares, count), code.constant(norm.epsilon));
  Value root = floats::squareRoot(code, variance);
  Value inverse = floats::divide(code, one, root);
  for (Value &value : values)
    value = code.multiplyFloat(value, inverse);
  multiply(norm.weight);
  if (norm.bias)
    add(norm.bias);
}

void FloatRow::gate(Buffer matrix) {
  Value base = rowOf(matrix);
  for (int64_t i = 0; i != pieces(); ++i)
    for (auto [j, gate] : llvm::enumerate(loadAt(matrix, base, threads.column(i, columns)))) {
      Value &value = values[i * pieceLength + j];
      value = code.multiplyFloat(value, floats::silu(code, gate));
    }
}

void FloatRow::waitForReaders() {
  if (isSharedRead)
    threads.synchronize();
  isSharedRead = false;
}

/// All elements to shared memory, where every thread of the row sees them.
void FloatRow::storeShared() {
  waitForReaders();
  for (int64_t i = 0; i != pieces(); ++i)
    code.when(threads.inside(i, columns), [&] {
      Value place = threads.place(threads.column(i, columns));
      for (auto [j, value] : llvm::enumerate(piece(i)))
        code.store(value, threads.address(place, int64_t(j)), 4);
    });
  threads.synchronize();
  isSharedRead = true;
}

void FloatRow::loadShared() {
  for (int64_t i = 0; i != pieces(); ++i) {
    Value place = threads.place(threads.column(i, columns));
    for (int64_t j = 0; j != pieceLength; ++j)
      values[i * pieceLength + j] = code.load(code.f32(), threads.address(place, j), 4);
  }
}

void FloatRow::gather(Buffer index, int64_t sources, int64_t count) {
  waitForReaders();
  code.when(code.isEqual(threads.thread, code.constant(int64_t(0))), [&] {
    code.store(code.constant(0.0f), threads.address(threads.place(code.constant(columns))), 4);
  });
  storeShared();
  columns = count;
  sumSources(index, sources, [&](Value at) { return threads.address(threads.place(at)); });
}

void FloatRow::sumSources(Buffer index, int64_t sources, llvm::function_ref<Value(Value)> find) {
  values.clear();
  // Long rows leave registers for the places of one source.
  bool isLoop = sources > 2 && pieces() > 3;
  Value indices = vectorOf(index);
  for (int64_t i = 0; i != pieces(); ++i) {
    Value column = threads.column(i, columns);
    auto elementsOf = [&](Value base) {
      SmallVector<Value> elements;
      for (Value at : loadAt(index, base, column))
        elements.push_back(code.load(code.f32(), find(at), 4));
      return elements;
    };
    auto addSource = [&](Value source, ValueRange sums) {
      Value base = code.advance(indices, code.multiply(source, columns * 4));
      SmallVector<Value> results;
      for (auto [sum, element] : llvm::zip(sums, elementsOf(base)))
        results.push_back(code.addFloat(sum, element));
      return results;
    };
    SmallVector<Value> sums = elementsOf(indices);
    if (isLoop)
      sums = code.repeat(1, sources, sums, addSource);
    else
      for (int64_t source = 1; source != sources; ++source)
        sums = addSource(code.constant(source), sums);
    values.append(sums);
  }
}

void FloatRow::gatherStaged(Buffer index) {
  sumSources(index, /*sources=*/1,
             [&](Value at) { return code.advance(threads.rowShared, code.shiftLeft(at, 2)); });
}

void FloatRow::loadStaged() {
  Type four = VectorType::get(4, code.f32());
  for (int64_t i = 0; i != pieces(); ++i) {
    Value pointer = code.advance(threads.rowShared, code.shiftLeft(threads.column(i, columns), 2));
    for (int64_t first = 0; first != pieceLength; first += 4) {
      Value loaded = code.load(four, code.advance(pointer, first * 4), 16);
      for (unsigned j = 0; j != 4; ++j)
        values.push_back(code.element(loaded, j));
    }
  }
}

void FloatRow::combine(Buffer vector, Function function) {
  for (int64_t i = 0; i != pieces(); ++i)
    for (auto [j, other] : llvm::enumerate(loadPiece(vector, i)))
      values[i * pieceLength + j] = function(values[i * pieceLength + j], other);
}

void FloatRow::multiply(Buffer factors) {
  combine(factors, [&](Value a, Value b) { return code.multiplyFloat(a, b); });
}

void FloatRow::add(Buffer summands) {
  combine(summands, [&](Value a, Value b) { return code.addFloat(a, b); });
}
