// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Limits of tensor maps, as the CUDA driver API states them for maps without interleaving, and the
// walk over a box.

#include "qllm/Emulator/Runtime/TensorMap.h"

#include <algorithm>

using namespace qllm::emu;

namespace {

constexpr uint32_t kPieceBytes = 16;

std::string refuse(const std::string &wanted, uint64_t found) {
  return "expected " + wanted + ", but got " + std::to_string(found);
}

std::string dimensionError(const TensorMap &map, unsigned i) {
  std::string where = " of dimension " + std::to_string(i);
  if (map.sizes[i] == 0 || map.sizes[i] > uint64_t(1) << 32)
    return refuse("a size" + where + " of 1 to 2^32", map.sizes[i]);
  if (map.box[i] == 0 || map.box[i] > 256)
    return refuse("a box" + where + " of 1 to 256 elements", map.box[i]);
  if (map.steps[i] == 0 || map.steps[i] > 8)
    return refuse("a step" + where + " of 1 to 8", map.steps[i]);
  if (i && (map.strides[i - 1] % kPieceBytes || map.strides[i - 1] >= uint64_t(1) << 40))
    return refuse("a stride" + where + " that is a multiple of 16 below 2^40", map.strides[i - 1]);
  return "";
}

/// Elements of dimension `i` that a box copies.
uint32_t copied(const TensorMap &map, unsigned i) {
  uint32_t step = i ? map.steps[i] : 1;
  return (map.box[i] + step - 1) / step;
}

/// The pieces of one row of the box, which begins at `row` in global memory if that is not null.
void addRow(const TensorMap &map, const uint8_t *row, int64_t column, uint32_t offset,
            std::vector<BoxPiece> &pieces) {
  auto size = int64_t(map.sizes[0]) * map.elementBytes;
  for (uint32_t at = 0; at < map.rowBytes(); at += kPieceBytes) {
    int64_t begin = column * map.elementBytes + at;
    int64_t first = std::clamp<int64_t>(-begin, 0, kPieceBytes),
            last = std::clamp<int64_t>(size - begin, 0, kPieceBytes);
    if (!row || first >= last)
      pieces.push_back({offset + at, nullptr, 0, 0});
    else
      pieces.push_back({offset + at, row + begin + first, uint32_t(first), uint32_t(last)});
  }
}

} // namespace

uint32_t TensorMap::boxBytes() const {
  uint32_t bytes = elementBytes;
  for (unsigned i = 0; i < rank; ++i)
    bytes *= copied(*this, i);
  return bytes;
}

std::string qllm::emu::tensorMapError(const TensorMap &map) {
  if (map.rank == 0 || map.rank > TensorMap::kMaxRank)
    return refuse("1 to 5 dimensions", map.rank);
  if (map.elementBytes != 1 && map.elementBytes != 2 && map.elementBytes != 4 &&
      map.elementBytes != 8)
    return refuse("elements of 1, 2, 4 or 8 bytes", map.elementBytes);
  if (auto address = uintptr_t(map.base); address % kPieceBytes)
    return "expected a tensor that begins at a multiple of 16 bytes, but it begins " +
           std::to_string(address % kPieceBytes) + " behind one";
  for (unsigned i = 0; i < map.rank; ++i)
    if (std::string error = dimensionError(map, i); !error.empty())
      return error;
  if (map.rowBytes() % kPieceBytes)
    return refuse("rows of a box that are a multiple of 16 bytes", map.rowBytes());
  if (map.swizzle != 0 && map.swizzle != 32 && map.swizzle != 64 && map.swizzle != 128)
    return refuse("a swizzle of 0, 32, 64 or 128 bytes", map.swizzle);
  // Narrower rows are possible; how they lie is not documented.
  if (map.swizzle && map.rowBytes() != map.swizzle)
    return refuse("rows of a box as wide as the swizzle of " + std::to_string(map.swizzle) +
                      " bytes",
                  map.rowBytes());
  return "";
}

std::vector<BoxPiece> qllm::emu::boxPieces(const TensorMap &map, const int32_t *coordinates) {
  std::vector<BoxPiece> pieces;
  uint32_t at[TensorMap::kMaxRank] = {}, offset = 0;
  for (;;) {
    const uint8_t *row = map.base;
    for (unsigned i = 1; i < map.rank; ++i) {
      int64_t index = int64_t(coordinates[i]) + int64_t(at[i]) * map.steps[i];
      bool inside = index >= 0 && uint64_t(index) < map.sizes[i];
      row = row && inside ? row + uint64_t(index) * map.strides[i - 1] : nullptr;
    }
    addRow(map, row, coordinates[0], offset, pieces);
    offset += map.rowBytes();
    unsigned i = 1;
    while (i < map.rank && ++at[i] == copied(map, i))
      at[i++] = 0;
    if (i >= map.rank)
      return pieces;
  }
}
