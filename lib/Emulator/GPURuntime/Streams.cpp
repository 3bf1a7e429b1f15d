// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's runtime interface: what orders work. All of it is done when it is asked for, so there is
// nothing to wait for; what is left is to find names that are used after their end.

#include "Device.h"
#include "Leave.h"

using namespace qllm::emu;

namespace {

void *create(std::set<void *> Device::*kind) {
  DeviceLock device;
  void *handle = new char;
  ((*device).*kind).insert(handle);
  return handle;
}

void destroy(std::set<void *> Device::*kind, void *handle, const char *name) {
  DeviceLock device;
  if (!((*device).*kind).erase(handle))
    leave(Exit::BadInput, std::string("expected ") + name +
                              " to destroy, but got what was never created or is destroyed");
  delete static_cast<char *>(handle);
}

void checkEvent(void *event) {
  if (!DeviceLock()->events.count(event))
    leave(Exit::BadInput, "expected an event, but got one that was never created or is destroyed");
}

} // namespace

extern "C" {

void *mgpuStreamCreate() { return create(&Device::streams); }
void mgpuStreamDestroy(void *stream) { destroy(&Device::streams, stream, "a stream"); }
void mgpuStreamSynchronize(void *stream) { DeviceLock()->checkStream(stream); }

void mgpuStreamWaitEvent(void *stream, void *event) {
  DeviceLock()->checkStream(stream);
  checkEvent(event);
}

void *mgpuEventCreate() { return create(&Device::events); }
void mgpuEventDestroy(void *event) { destroy(&Device::events, event, "an event"); }
void mgpuEventSynchronize(void *event) { checkEvent(event); }

void mgpuEventRecord(void *event, void *stream) {
  checkEvent(event);
  DeviceLock()->checkStream(stream);
}

void mgpuSetDefaultDevice(int32_t device) {
  if (device != 0)
    leave(Exit::BadInput, "expected device 0, the only one, but got " + std::to_string(device));
}

} // extern "C"
