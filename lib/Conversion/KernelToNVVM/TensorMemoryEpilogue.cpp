// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A lane has a row, and stores up to 16 bytes of it at a time.

#include "TensorMemoryEpilogue.h"

#include "qllm/Kernels/TensorMemory.h"

using namespace mlir;
using namespace qllm;

namespace {

class TensorMemoryEpilogue {
public:
  TensorMemoryEpilogue(CodeBuilder &code, const LinearPlace &place, TensorMemoryAtom &atom,
                       ScaledResult result)
      : code(code), place(place), atom(atom), result(result),
        row(code.add(place.tileRow, place.thread)), width(vectorWidth()) {}

  void emit(Value sums, int64_t columns) {
    constexpr int64_t step = TensorMemoryAtom::loadedColumns;
    Value isInside = code.less(row, result.rows);
    Value pointer = result.rowPointer(row);
    Value firstLane = code.bitAnd(place.thread, ~int64_t(31));
    Value lanes = code.add(sums, code.shiftLeft(firstLane, kernels::TensorMemory::laneShift));
    code.repeat(0, columns / step, {}, [&](Value chunk, ValueRange) -> SmallVector<Value> {
      Value inTile = code.multiply(chunk, step);
      // All lanes load, whether their rows are there or not.
      SmallVector<Value> words = atom.load(code.add(lanes, inTile));
      code.when(isInside, [&] {
        for (int64_t i = 0; i != step; i += width)
          store(ArrayRef(words).slice(i, width), pointer,
                code.add(code.add(place.tileColumn, inTile), i));
      });
      return {};
    });
  }

private:
  /// Elements of a store: as many as 16 bytes hold and the number of columns is a multiple of. So
  /// stores are aligned in every row, and whole inside or whole outside.
  int64_t vectorWidth() const {
    int64_t width = 16 / result.elementBytes();
    while (result.columns % width != 0)
      width /= 2;
    return width;
  }

  void store(ArrayRef<Value> words, Value pointer, Value column) {
    Value isInside =
        place.hasRaggedColumns() ? code.less(column, code.constant(result.columns)) : Value();
    code.when(isInside, [&] {
      Value bias;
      if (result.bias)
        bias = code.loadConstant(VectorType::get(width, code.f32()),
                                 code.advance(result.bias.pointer, code.multiply(column, 4)),
                                 unsigned(std::min<int64_t>(16, 4 * width)));
      SmallVector<Value> values;
      for (auto [i, word] : llvm::enumerate(words))
        values.push_back(result.finish(code.bitsToFloat(word),
                                       bias ? code.element(bias, unsigned(i)) : Value()));
      int64_t bytes = result.elementBytes();
      code.store(code.vector(values), code.advance(pointer, code.multiply(column, bytes)),
                 unsigned(width * bytes));
    });
  }

  CodeBuilder &code;
  const LinearPlace &place;
  TensorMemoryAtom &atom;
  ScaledResult result;
  Value row;
  int64_t width;
};

} // namespace

void qllm::emitTensorMemoryEpilogue(CodeBuilder &code, const LinearPlace &place,
                                    TensorMemoryAtom &atom, ScaledResult result, Value sums,
                                    int64_t columns) {
  TensorMemoryEpilogue(code, place, atom, result).emit(sums, columns);
}
