// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shared memory of each block of a cluster, at an address that reads as on a machine: below
// 2 GiB, so that it survives a conversion to 32 bits, and aligned to 256 KiB, so that the low 18
// bits are the offset, which matrix descriptors hold. Blocks lie 16 MiB apart, so that none is
// reached from another by mistake.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_SHAREDWINDOW_H
#define QLLM_LIB_EMULATOR_RUNTIME_SHAREDWINDOW_H

#include <cstddef>
#include <cstdint>

namespace qllm::emu {

class SharedWindow {
public:
  /// More than any architecture gives a block.
  static constexpr size_t kBytes = 256 << 10;

  explicit SharedWindow(unsigned blocks);
  ~SharedWindow();
  SharedWindow(const SharedWindow &) = delete;
  SharedWindow &operator=(const SharedWindow &) = delete;
  /// False when there is no room below 2 GiB.
  bool valid() const { return base != nullptr; }
  uint8_t *data(unsigned block) const { return base + block * kStride; }
  bool contains(const void *address) const { return distance(address) < span; }
  /// Of an address that it contains: the block, and the offset in its memory.
  unsigned block(const void *address) const { return unsigned(distance(address) / kStride); }
  uint32_t offset(const void *address) const { return uint32_t(distance(address) % kStride); }

private:
  static constexpr size_t kStride = 16 << 20;
  size_t distance(const void *address) const {
    return size_t(static_cast<const uint8_t *>(address) - base);
  }

  uint8_t *base = nullptr;
  size_t span; ///< from the first block's memory to the end of the last one's
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_SHAREDWINDOW_H
