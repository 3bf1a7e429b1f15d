// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A block's shared memory, at an address that reads as on a machine: below 2 GiB, so that it
// survives a conversion to 32 bits, and aligned to 256 KiB, so that the low 18 bits are the offset,
// which matrix descriptors hold.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_SHAREDWINDOW_H
#define QLLM_LIB_EMULATOR_RUNTIME_SHAREDWINDOW_H

#include <cstddef>
#include <cstdint>

namespace qllm::emu {

class SharedWindow {
public:
  /// More than any architecture gives a block.
  static constexpr size_t kBytes = 256 << 10;

  SharedWindow();
  ~SharedWindow();
  SharedWindow(const SharedWindow &) = delete;
  SharedWindow &operator=(const SharedWindow &) = delete;
  /// False when there is no room below 2 GiB.
  bool valid() const { return base != nullptr; }
  uint8_t *data() const { return base; }
  bool contains(const void *address) const {
    return size_t(static_cast<const uint8_t *>(address) - base) < kBytes;
  }
  uint32_t offset(const void *address) const {
    return uint32_t(static_cast<const uint8_t *>(address) - base);
  }

private:
  uint8_t *base = nullptr;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_SHAREDWINDOW_H
