// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel is run on, from what host code hands over.

#ifndef QLLM_LIB_EMULATOR_GPURUNTIME_LAUNCHARGUMENTS_H
#define QLLM_LIB_EMULATOR_GPURUNTIME_LAUNCHARGUMENTS_H

#include "DeviceMemory.h"
#include "qllm/Emulator/JIT.h"

namespace qllm::emu {

class LaunchArguments {
public:
  /// `given[i]` points at the i-th of `count` arguments. Ends the process if they are not those of
  /// the kernel.
  LaunchArguments(const Kernel &kernel, void *const *given, size_t count,
                  const DeviceMemory &memory);

  const void *const *pointers() const { return addresses.data(); }
  /// All device memory, because kernels may find pointers in memory. What an argument points at is
  /// named by it, and can be read only if the kernel says that of all such arguments.
  const std::vector<Buffer> &buffers() const { return described; }

private:
  void describeMemory(const Kernel &kernel, const DeviceMemory &memory);
  void addByValue(size_t index, unsigned bytes, const void *value);

  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  std::vector<const void *> addresses;
  std::vector<Buffer> described;
  /// Aggregates by value, as aligned as a tensor map has to be.
  std::vector<std::vector<Line>> values;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_GPURUNTIME_LAUNCHARGUMENTS_H
