// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What host code has allocated on the device, and memory of its own that it shares with it.

#ifndef QLLM_LIB_EMULATOR_GPURUNTIME_DEVICEMEMORY_H
#define QLLM_LIB_EMULATOR_GPURUNTIME_DEVICEMEMORY_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace qllm::emu {

class DeviceMemory {
public:
  struct Piece {
    uint8_t *data;
    size_t size;
    std::string name; ///< `allocation 2`, in the order in which they were made
    bool isHost;      ///< registered only
  };

  /// Filled with a pattern that is no sensible value, and far from every other piece, so that an
  /// access beyond the end of one does not end up in another. Null without memory.
  uint8_t *allocate(size_t size);
  /// False unless `address` is what `allocate` returned.
  bool free(void *address);

  /// False if a part of it is known already.
  bool registerHost(void *address, size_t size);
  bool unregisterHost(void *address);

  /// The piece that `address` lies in, or null.
  const Piece *find(const void *address) const;
  /// In the order of addresses.
  const std::map<uint8_t *, Piece, std::less<>> &pieces() const { return all; }

private:
  std::map<uint8_t *, Piece, std::less<>> all;
  size_t allocations = 0, registrations = 0;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_GPURUNTIME_DEVICEMEMORY_H
