// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operands in shared memory, of wgmma and of tcgen05: the bits that both have mean the same.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_MATRIXDESCRIPTOR_H
#define QLLM_LIB_EMULATOR_RUNTIME_MATRIXDESCRIPTOR_H

#include "qllm/Emulator/Runtime/TensorMap.h"

namespace qllm::emu {

/// Where the rows of an operand lie. K-major: eight rows of `width` bytes follow each other, the
/// next eight `stride` further.
struct MatrixDescriptor {
  static constexpr uint32_t kPieceBytes = 16;

  explicit MatrixDescriptor(uint64_t bits)
      : start(uint32_t(bits & 0x3fff) << 4), leading(uint32_t(bits >> 16 & 0x3fff) << 4),
        stride(uint32_t(bits >> 32 & 0x3fff) << 4), mode(unsigned(bits >> 62)) {}

  /// Offset of 16 bytes of a row. A swizzle exchanges pieces by bits of the address itself.
  uint32_t offset(unsigned row, unsigned piece) const {
    uint32_t plain = start + row / 8 * stride + row % 8 * width();
    plain += mode ? piece * kPieceBytes : piece * leading;
    return swizzled(plain, width());
  }
  /// Bytes that a pattern repeats after: 128, 64 or 32 with a swizzle of that size.
  uint32_t width() const { return mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 16; }

  uint32_t start, leading, stride;
  unsigned mode;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_MATRIXDESCRIPTOR_H
