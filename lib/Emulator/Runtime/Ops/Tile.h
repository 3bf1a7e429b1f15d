// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The piece that all matrix products are made of: 16 rows of A, 8 columns of B, 32 bytes of each at
// most, and 16 x 8 accumulators in the registers of 32 lanes. Lane 4 g + t holds columns 2 t and 2
// t + 1 of row g in registers 0 and 1, and of row g + 8 in 2 and 3 (f16 accumulators two to a
// register).

#ifndef QLLM_LIB_EMULATOR_RUNTIME_OPS_TILE_H
#define QLLM_LIB_EMULATOR_RUNTIME_OPS_TILE_H

#include "qllm/Emulator/Runtime/Ops/Evaluate.h"

namespace qllm::emu {

constexpr unsigned kTileRows = 16, kTileBytes = 32, kTileDepth = 64;

/// Bytes of `rows` operand rows as they lie in memory: along k, 4-bit elements from the low half of
/// a byte first.
template <unsigned Rows> struct OperandBytes {
  alignas(32) uint8_t rows[Rows][kTileBytes];
};

/// The operands of a warp's product from registers: A's from word 0 on, then B's. They lie the same
/// way for every element type, because rows are 16 or 32 bytes for all.
void gatherOperands(WordsIn in, unsigned wordsA, unsigned wordsB, OperandBytes<kTileRows> &a,
                    OperandBytes<kColumns> &b);

/// Row and column of register r of a lane's accumulators.
inline unsigned rowOf(unsigned lane, unsigned r) { return lane / 4 + 8 * (r / 2); }
inline unsigned columnOf(unsigned lane, unsigned r) { return 2 * (lane % 4) + r % 2; }

/// Floats taken apart.
template <unsigned Size> struct DecodedTile {
  int32_t significands[Size], exponents[Size];
  void set(unsigned index, Decoded value) {
    significands[index] = value.significand;
    exponents[index] = value.exponent;
  }
  DecodedValues from(unsigned index) const { return {significands + index, exponents + index}; }
};

/// An operand ready to be multiplied, row by row: as 16-bit integers or as floats.
struct TileA {
  TileA(const OperandBytes<kTileRows> &bytes, Element element, unsigned depth);
  union {
    int16_t integers[kTileRows * kTileDepth];
    DecodedTile<kTileRows * kTileBytes> floats;
  };
};

/// Pairs along k of a column side by side, then the columns, as multiply-add instructions want
/// them; of floats, the columns of one k side by side.
struct TileB {
  TileB(const OperandBytes<kColumns> &bytes, Element element, unsigned depth);
  union {
    int16_t pairs[kColumns * kTileDepth];
    DecodedTile<kColumns * kTileBytes> floats;
  };
};

struct TileShape {
  Element element, accumulator;
  unsigned depth;
  bool saturate;
};

/// out = A B + in on the registers that begin at word `first` of `in` and `firstOut` of `out`, or A
/// B without `accumulate`.
void multiplyTile(const TileShape &shape, const FloatModel &model, const TileA &a, const TileB &b,
                  bool accumulate, WordsIn in, unsigned first, WordsOut out, unsigned firstOut);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_OPS_TILE_H
