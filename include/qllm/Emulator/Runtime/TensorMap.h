// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What cp.async.bulk.tensor copies: boxes of a tensor in global memory. The bits of a real tensor
// map are known to the driver only, so the 128 bytes hold a description of our own, and whoever
// encodes one for a launch on the emulator makes this.

#ifndef QLLM_EMULATOR_RUNTIME_TENSORMAP_H
#define QLLM_EMULATOR_RUNTIME_TENSORMAP_H

#include <cstdint>
#include <string>
#include <vector>

namespace qllm::emu {

/// Dimensions are listed from the innermost outwards, whose elements are neighbours.
struct alignas(64) TensorMap {
  static constexpr uint64_t kMark = 0x70616d2d6d6c6c71; // tells a map from other bytes
  static constexpr unsigned kMaxRank = 5;

  uint64_t mark = kMark;
  uint8_t *base = nullptr;
  uint64_t sizes[kMaxRank] = {};
  /// Bytes from one element to the next along dimensions 1 and up.
  uint64_t strides[kMaxRank - 1] = {};
  uint16_t box[kMaxRank] = {};
  /// Every how many-th element of the box is copied; of dimension 0 all are.
  uint8_t steps[kMaxRank] = {1, 1, 1, 1, 1};
  uint8_t rank = 0, elementBytes = 0;
  /// Bytes of a row among which 16-byte pieces are exchanged: 0, 32, 64 or 128.
  uint8_t swizzle = 0;

  /// What a copy of one box writes, and how many bytes that is of a row of it.
  uint32_t boxBytes() const;
  uint32_t rowBytes() const { return uint32_t(box[0]) * elementBytes; }
  /// The multiple that a box must begin at in shared memory: eight rows of a swizzle are a period.
  uint32_t alignment() const { return swizzle ? 8u * swizzle : 128u; }
};
static_assert(sizeof(TensorMap) == 128);

/// Why no such map can be encoded, or an empty text.
std::string tensorMapError(const TensorMap &map);

/// 16 bytes of a box: `source` goes to [first, last) of them, zeros to the rest.
struct BoxPiece {
  /// From the beginning of the box, before the swizzle.
  uint32_t offset;
  const uint8_t *source;
  uint32_t first, last;
};

/// The box whose first element is at `coordinates`, in the order in which it lies in shared memory.
/// What is outside of the tensor is zero.
std::vector<BoxPiece> boxPieces(const TensorMap &map, const int32_t *coordinates);

/// Where the byte at `offset` of shared memory lies when pieces of 16 are exchanged inside of rows
/// of `width` bytes; `width` 16 or less exchanges nothing.
constexpr uint32_t swizzled(uint32_t offset, uint32_t width) {
  return width <= 16 ? offset : offset ^ (offset >> 3 & (width - 16));
}

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_TENSORMAP_H
