// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of integers and of floats on one tile.

#include "Tile.h"
#include "qllm/Format/HalfFloat.h"
#include "qllm/Support/TargetClones.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace qllm;
using namespace qllm::emu;

namespace {

constexpr unsigned kLanes = 32, kRegisters = 4;

/// `depth` integers of a row as 16-bit values.
void widen(const uint8_t *bytes, unsigned depth, Element element, int16_t *values) {
  switch (element) {
  case Element::S8:
    for (unsigned i = 0; i < depth; ++i)
      values[i] = int8_t(bytes[i]);
    break;
  case Element::U8:
    for (unsigned i = 0; i < depth; ++i)
      values[i] = bytes[i];
    break;
  case Element::S4:
    for (unsigned i = 0; i < depth / 2; ++i) {
      values[2 * i] = int16_t(int8_t(bytes[i] << 4) >> 4);
      values[2 * i + 1] = int16_t(int8_t(bytes[i]) >> 4);
    }
    break;
  default:
    for (unsigned i = 0; i < depth / 2; ++i) {
      values[2 * i] = bytes[i] & 15;
      values[2 * i + 1] = bytes[i] >> 4;
    }
  }
}

Decoded decodeAt(const uint8_t *row, unsigned k, Element element) {
  if (elementBits(element) == 8)
    return decode(row[k], element);
  uint16_t bits;
  std::memcpy(&bits, row + 2 * k, 2);
  return decode(bits, element);
}

/// d[i][j] = sum over k of a[i][k] b[k][j].
QLLM_CLONES void multiplyIntegers(const int16_t *a, const int16_t *pairs, unsigned depth,
                                  int32_t *d) {
  for (unsigned i = 0; i < kTileRows; ++i) {
    int32_t sums[kColumns] = {};
    for (unsigned k = 0; k < depth; k += 2)
      for (unsigned j = 0; j < kColumns; ++j)
        sums[j] += a[i * depth + k] * pairs[k * kColumns + 2 * j] +
                   a[i * depth + k + 1] * pairs[k * kColumns + 2 * j + 1];
    for (unsigned j = 0; j < kColumns; ++j)
      d[i * kColumns + j] = sums[j];
  }
}

float readFloat(Element accumulator, const uint32_t *words, unsigned r) {
  if (accumulator == Element::F32)
    return bitsToFloat(words[r]);
  return halfToFloat(uint16_t(words[r / 2] >> 16 * (r % 2)));
}

void writeFloat(Element accumulator, uint32_t *words, unsigned r, float value) {
  if (accumulator == Element::F32) {
    words[r] = floatToBits(value);
    return;
  }
  uint32_t half = std::isnan(value) ? 0x7fff : floatToHalf(value);
  words[r / 2] = r % 2 ? words[r / 2] | half << 16 : half;
}

/// Sums of floats, row by row and chunk by chunk.
void multiplyFloats(const TileShape &shape, const FloatModel &model, const TileA &a, const TileB &b,
                    float *d) {
  for (unsigned i = 0; i < kTileRows; ++i)
    for (unsigned k = 0, count; k < shape.depth; k += count) {
      count = std::min(model.chunk, shape.depth - k);
      fusedDots(model, shape.accumulator, a.floats.from(i * shape.depth + k),
                b.floats.from(k * kColumns), count, d + i * kColumns, d + i * kColumns);
    }
}

} // namespace

TileA::TileA(const OperandBytes<kTileRows> &bytes, Element element, unsigned depth) {
  for (unsigned i = 0; i < kTileRows; ++i) {
    if (!isFloat(element)) {
      widen(bytes.rows[i], depth, element, integers + i * depth);
      continue;
    }
    for (unsigned k = 0; k < depth; ++k)
      floats.set(i * depth + k, decodeAt(bytes.rows[i], k, element));
  }
}

TileB::TileB(const OperandBytes<kColumns> &bytes, Element element, unsigned depth) {
  for (unsigned j = 0; j < kColumns; ++j) {
    if (!isFloat(element)) {
      int16_t column[kTileDepth];
      widen(bytes.rows[j], depth, element, column);
      for (unsigned k = 0; k < depth; k += 2)
        std::memcpy(&pairs[k * kColumns + 2 * j], &column[k], 4);
      continue;
    }
    for (unsigned k = 0; k < depth; ++k)
      floats.set(k * kColumns + j, decodeAt(bytes.rows[j], k, element));
  }
}

void qllm::emu::multiplyTile(const TileShape &shape, const FloatModel &model, const TileA &a,
                             const TileB &b, bool accumulate, WordsIn in, unsigned first,
                             WordsOut out, unsigned firstOut) {
  if (isFloat(shape.element)) {
    float d[kTileRows * kColumns] = {};
    for (unsigned lane = 0; accumulate && lane < kLanes; ++lane)
      for (unsigned r = 0; r < kRegisters; ++r)
        d[rowOf(lane, r) * kColumns + columnOf(lane, r)] =
            readFloat(shape.accumulator, in[lane] + first, r);
    multiplyFloats(shape, model, a, b, d);
    for (unsigned lane = 0; lane < kLanes; ++lane)
      for (unsigned r = 0; r < kRegisters; ++r)
        writeFloat(shape.accumulator, out[lane] + firstOut, r,
                   d[rowOf(lane, r) * kColumns + columnOf(lane, r)]);
    return;
  }
  int32_t d[kTileRows * kColumns];
  multiplyIntegers(a.integers, b.pairs, shape.depth, d);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    for (unsigned r = 0; r < kRegisters; ++r) {
      int64_t sum = d[rowOf(lane, r) * kColumns + columnOf(lane, r)];
      if (accumulate)
        sum += int32_t(in[lane][first + r]);
      if (shape.saturate)
        sum = std::clamp<int64_t>(sum, INT32_MIN, INT32_MAX);
      out[lane][firstOut + r] = uint32_t(sum);
    }
}
