// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mma.sync and wgmma: operands gathered to tiles.

#include "Tile.h"
#include <cstring>

using namespace qllm::emu;

// Lane 4 g + t holds bytes 4 t + 16 (r / 2) .. of row g + 8 (r % 2) of A in register r, and bytes
// 4 t + 16 r .. of column g of B.
void qllm::emu::gatherOperands(WordsIn in, unsigned wordsA, unsigned wordsB,
                               OperandBytes<kTileRows> &a, OperandBytes<kColumns> &b) {
  for (unsigned lane = 0; lane < 32; ++lane) {
    unsigned g = lane / 4, t = lane % 4;
    for (unsigned r = 0; r < wordsA; ++r)
      std::memcpy(&a.rows[g + 8 * (r % 2)][4 * t + 16 * (r / 2)], &in[lane][r], 4);
    for (unsigned r = 0; r < wordsB; ++r)
      std::memcpy(&b.rows[g][4 * t + 16 * r], &in[lane][wordsA + r], 4);
  }
}

void qllm::emu::evaluate(const Mma &operation, const FloatModel &model, WordsIn in, WordsOut out) {
  OperandBytes<kTileRows> bytesA;
  OperandBytes<kColumns> bytesB;
  unsigned wordsA = operation.wordsA(), wordsB = operation.wordsB();
  gatherOperands(in, wordsA, wordsB, bytesA, bytesB);
  TileA a(bytesA, operation.a, operation.k);
  TileB b(bytesB, operation.b, operation.k);
  TileShape shape{operation.a, operation.accumulator, operation.k, operation.saturate};
  multiplyTile(shape, model, a, b, /*accumulate=*/true, in, wordsA + wordsB, out, 0);
}

// Each of the four warps has 16 rows, which lie as those of mma.sync do.
void qllm::emu::gatherFragments(WordsIn in, uint8_t *rows) {
  for (unsigned thread = 0; thread < 128; ++thread) {
    unsigned first = thread / 32 * kTileRows, g = thread % 32 / 4, t = thread % 4;
    for (unsigned r = 0; r < 4; ++r)
      std::memcpy(rows + (first + g + 8 * (r % 2)) * kTileBytes + 4 * t + 16 * (r / 2),
                  &in[thread][r], 4);
  }
}

void qllm::emu::evaluate(const WarpgroupMma &operation, const FloatModel &model, const uint8_t *a,
                         const uint8_t *b, WordsIn in, unsigned first, WordsOut out) {
  constexpr unsigned warps = 4;
  TileShape shape{operation.a, operation.accumulator, operation.k, operation.saturate};
  unsigned words = operation.wordsD() / (operation.n / kColumns); // of one tile
  for (unsigned warp = 0; warp < warps; ++warp) {
    OperandBytes<kTileRows> bytesA;
    std::memcpy(bytesA.rows, a + warp * sizeof bytesA.rows, sizeof bytesA.rows);
    TileA tileA(bytesA, operation.a, operation.k);
    for (unsigned block = 0; block < operation.n / kColumns; ++block) {
      OperandBytes<kColumns> bytesB;
      std::memcpy(bytesB.rows, b + block * sizeof bytesB.rows, sizeof bytesB.rows);
      TileB tileB(bytesB, operation.b, operation.k);
      multiplyTile(shape, model, tileA, tileB, operation.accumulate, in + 32 * warp,
                   first + block * words, out + 32 * warp, block * words);
    }
  }
}
