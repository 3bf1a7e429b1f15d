// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The fast Walsh-Hadamard transform of a row: sums and differences of elements at the distances 1,
// 2, 4, .., in this order, which makes the result the same to the bit wherever it is computed.
// Elements at distances below 8 are in one thread, below 256 in one warp, and beyond that they meet
// in shared memory.

#include "FloatRow.h"

#include "FloatMath.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t pieceLength = RowThreads::pieceLength, warpLength = 32 * pieceLength;

} // namespace

void FloatRow::rotateInPieces(int64_t size) {
  for (int64_t distance = 1; distance < std::min(size, pieceLength); distance *= 2)
    floats::sumAndSubtract(code, values, distance);
}

void FloatRow::rotateInWarps(int64_t size) {
  for (int64_t distance = 1; distance * pieceLength < std::min(size, warpLength); distance *= 2)
    floats::sumAndSubtractLanes(code, values, threads.lane, distance);
}

/// A thread takes all elements of a block whose columns are equal up to a multiple of 256.
void FloatRow::rotateInShared(int64_t size) {
  storeShared();
  int64_t perThread = size / warpLength, strands = columns / perThread;
  for (int64_t first = 0; first < strands; first += kernel.threadsOfRow()) {
    Value strand = code.add(threads.thread, first);
    Value inside = strands - first < kernel.threadsOfRow()
                       ? code.less(strand, code.constant(strands))
                       : Value();
    code.when(inside, [&] {
      Value block = code.shiftRight(strand, 8), within = code.bitAnd(strand, warpLength - 1);
      Value start = threads.address(threads.place(code.add(code.multiply(block, size), within)));
      SmallVector<Value> elements;
      for (int64_t i = 0; i != perThread; ++i)
        elements.push_back(code.load(code.f32(), code.advance(start, i * warpLength * 4), 4));
      for (int64_t distance = 1; distance != perThread; distance *= 2)
        floats::sumAndSubtract(code, elements, distance);
      for (auto [i, element] : llvm::enumerate(elements))
        code.store(element, code.advance(start, int64_t(i) * warpLength * 4), 4);
    });
  }
  threads.synchronize();
  loadShared();
}

void FloatRow::rotate(int64_t size) {
  rotateInPieces(size);
  rotateInWarps(size);
  if (size > warpLength)
    rotateInShared(size);
  Value scale = code.constant(1.0f / std::sqrt(float(size)));
  for (Value &value : values)
    value = code.multiplyFloat(value, scale);
}
