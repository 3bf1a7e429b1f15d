// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The device is made by its first use and never destroyed: host code unloads its modules when the
// process ends, in no order that is known.

#include "Device.h"

#include "Leave.h"
#include "qllm/Emulator/Runtime/Faults.h"

using namespace qllm::emu;

static Device &theDevice() {
  static Device &device = *[] {
    auto *made = new Device();
    installKernelFaults(made->settings.limit);
    return made;
  }();
  return device;
}

static std::mutex &theMutex() {
  static std::mutex &mutex = *new std::mutex();
  return mutex;
}

DeviceLock::DeviceLock() : device(theDevice()), lock(theMutex()) {}

void Device::checkStream(void *stream) const {
  if (stream && !streams.count(stream))
    leave(Exit::BadInput, "expected a stream, but got one that was never created or is destroyed");
}
