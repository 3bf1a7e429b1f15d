// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor memory of sm_100, and the descriptors that its instructions take, bit by bit as the PTX
// ISA has them ("Tensor Memory", "Shared memory descriptor", "Instruction descriptor").

#ifndef QLLM_KERNELS_TENSORMEMORY_H
#define QLLM_KERNELS_TENSORMEMORY_H

#include <cstdint>

namespace qllm::kernels {

/// Cells of 32 bits in lanes and columns. An address has its lane in the upper half and its column
/// in the lower one. Warp w of four reads lanes 32 w to 32 w + 31.
struct TensorMemory {
  static constexpr std::int64_t lanes = 128, columns = 512, leastColumns = 32;
  static constexpr unsigned laneShift = 16;

  /// What has to be allocated for so many columns: a power of two of at least 32.
  static constexpr std::int64_t allocation(std::int64_t needed) {
    std::int64_t columns = leastColumns;
    while (columns < needed)
      columns *= 2;
    return columns;
  }
};

/// A matrix in shared memory, K-major: eight rows behind each other, and `strideBytes` further the
/// next eight. Rows are 128 bytes wide with the swizzle of 128 bytes, or 16 without one.
///
/// | bits | |
/// |---|---|
/// | 0-13 | start address / 16, left zero here |
/// | 16-29 | leading offset / 16: 1 by convention for swizzled rows, 0 for rows of one piece |
/// | 32-45 | stride / 16 |
/// | 46-48 | 1 |
/// | 61-63 | swizzle: 0 none, 2 of 128 bytes |
struct MatrixDescriptor {
  static constexpr std::int64_t unitBytes = 16, mostUnits = 0x3fff;

  std::int64_t strideBytes;
  bool isSwizzled;

  constexpr std::uint64_t bits() const {
    return std::uint64_t(isSwizzled ? 1 : 0) << 16 | std::uint64_t(strideBytes / unitBytes) << 32 |
           std::uint64_t(1) << 46 | std::uint64_t(isSwizzled ? 2 : 0) << 61;
  }
};

/// What `tcgen05.mma` of kinds mxf4 and mxf4nvf4 multiplies, both sides e2m1, dense, 64 deep.
///
/// | bits | |
/// |---|---|
/// | 4-5, 29-30 | of the words of scales of B and of A, the first byte that counts: 0 or 2 |
/// | 7-9, 10-11 | types of A and B: 1 for e2m1 |
/// | 17-22 | columns / 8 |
/// | 23 | scales: 0 for ue4m3, 1 for ue8m0 |
/// | 27-28 | rows / 128 |
struct ScaledInstruction {
  static constexpr std::int64_t rows = 128, depth = 64;

  std::int64_t columns;
  bool isPowerScaled;
  unsigned scaleByte = 0;

  constexpr std::uint32_t bits() const {
    return std::uint32_t(scaleByte) << 4 | std::uint32_t(1) << 7 | std::uint32_t(1) << 10 |
           std::uint32_t(columns / 8) << 17 | std::uint32_t(isPowerScaled) << 23 |
           std::uint32_t(rows / 128) << 27 | std::uint32_t(scaleByte) << 29;
  }
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_TENSORMEMORY_H
