// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Vector extensions instead of intrinsics: one body, compiled for each instruction set.

#include "DoubleKernels.h"

namespace {

using namespace qllm::detail;

template <int lanes> struct Lanes {
  typedef double Type __attribute__((vector_size(lanes * sizeof(double)), aligned(8)));
};

// All sums of a tile stay in registers where there are 32 of 512 bits; rows are taken in passes
// that fit elsewhere.
template <int lanes, int rowsPerPass, bool fused>
[[gnu::always_inline]] inline void runTile(int64_t depth, const double *left, const double *right,
                                           double *tile) {
  using Vector = typename Lanes<lanes>::Type;
  constexpr int vectors = int(tileColumns) / lanes;
  for (int first = 0; first < tileRows; first += rowsPerPass) {
    Vector sums[rowsPerPass][vectors] = {};
    for (int64_t k = 0; k < depth; ++k) {
      Vector columns[vectors];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; ++v)
        columns[v] = *reinterpret_cast<const Vector *>(right + k * tileColumns + v * lanes);
#pragma clang loop unroll(full)
      for (int i = 0; i < rowsPerPass; ++i) {
        Vector row = left[k * tileRows + first + i] - Vector{};
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; ++v)
          if constexpr (fused)
            sums[i][v] = __builtin_elementwise_fma(row, columns[v], sums[i][v]);
          else
            sums[i][v] += row * columns[v];
      }
    }
    for (int i = 0; i < rowsPerPass; ++i)
      for (int v = 0; v < vectors; ++v)
        *reinterpret_cast<Vector *>(tile + (first + i) * tileColumns + v * lanes) = sums[i][v];
  }
}

void baselineTile(int64_t depth, const double *left, const double *right, double *tile) {
  runTile<2, 1, false>(depth, left, right, tile);
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] void avx2Tile(int64_t depth, const double *left, const double *right,
                                          double *tile) {
  runTile<4, 2, true>(depth, left, right, tile);
}

[[gnu::target("avx512f")]] void avx512Tile(int64_t depth, const double *left, const double *right,
                                           double *tile) {
  runTile<8, 8, true>(depth, left, right, tile);
}
#endif

} // namespace

TileKernel qllm::detail::bestTileKernel() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return avx512Tile;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return avx2Tile;
#endif
  return baselineTile;
}
