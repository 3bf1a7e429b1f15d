// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one device of a process. It does what it is asked at once, so a stream is nothing but a name.

#ifndef QLLM_LIB_EMULATOR_GPURUNTIME_DEVICE_H
#define QLLM_LIB_EMULATOR_GPURUNTIME_DEVICE_H

#include "DeviceMemory.h"
#include "LoadedModule.h"
#include "Settings.h"
#include <memory>
#include <mutex>
#include <set>

namespace qllm::emu {

struct Device {
  Settings settings = readSettings();
  DeviceMemory memory;
  std::map<const LoadedModule *, std::unique_ptr<LoadedModule>> modules;
  /// Streams and events that have not been destroyed.
  std::set<void *> streams, events;

  /// Ends the process unless `stream` is the default one, null, or has been created.
  void checkStream(void *stream) const;
};

/// The device, for as long as this lives: host code may have several threads.
class DeviceLock {
public:
  DeviceLock();
  Device *operator->() const { return &device; }
  Device &operator*() const { return device; }

private:
  Device &device;
  std::unique_lock<std::mutex> lock;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_GPURUNTIME_DEVICE_H
