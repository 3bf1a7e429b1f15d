// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's runtime interface: memory.

#include "Device.h"
#include "Leave.h"

#include <cstring>

using namespace qllm::emu;

namespace {

/// Ends the process if [address, address + size) begins in a piece of memory and ends outside of
/// it. Null if it begins in none.
const DeviceMemory::Piece *checkRange(const Device &device, const char *operation,
                                      const void *address, size_t size) {
  const DeviceMemory::Piece *piece = device.memory.find(address);
  if (!piece)
    return nullptr;
  size_t offset = size_t(static_cast<const uint8_t *>(address) - piece->data);
  if (size > piece->size - offset)
    leave(Exit::NotClean, std::string("out-of-bounds in ") + operation + ": " +
                              std::to_string(size) + " bytes at " + piece->name + "+" +
                              std::to_string(offset) + " of " + std::to_string(piece->size) +
                              " bytes");
  return piece;
}

template <typename Element>
void fill(const char *operation, void *destination, Element value, size_t count, void *stream) {
  DeviceLock device;
  device->checkStream(stream);
  if (count == 0)
    return;
  if (count > SIZE_MAX / sizeof value ||
      !checkRange(*device, operation, destination, count * sizeof value))
    leave(Exit::NotClean,
          std::string("out-of-bounds in ") + operation + ": expected device memory");
  for (size_t i = 0; i < count; ++i)
    std::memcpy(static_cast<uint8_t *>(destination) + i * sizeof value, &value, sizeof value);
}

/// What a descriptor of a memref points at: two pointers, an offset, sizes, strides.
struct HostRange {
  uint8_t *data;
  size_t size;
};

HostRange rangeOf(int64_t rank, const int64_t *descriptor, int64_t elementBytes) {
  auto *data = reinterpret_cast<uint8_t *>(descriptor[1]) + descriptor[2] * elementBytes;
  int64_t elements = 1;
  const int64_t *sizes = descriptor + 3, *strides = sizes + rank;
  for (int64_t i = rank; i-- > 0; elements *= sizes[i])
    if (sizes[i] != 1 && strides[i] != elements)
      leave(Exit::BadInput, "expected host memory without gaps to register, but got stride " +
                                std::to_string(strides[i]) + " in dimension " + std::to_string(i));
  return {data, size_t(elements * elementBytes)};
}

void registerHost(void *address, size_t size) {
  if (size != 0 && !DeviceLock()->memory.registerHost(address, size))
    leave(Exit::BadInput, "expected host memory that is not registered yet");
}

void unregisterHost(void *address) {
  if (!DeviceLock()->memory.unregisterHost(address))
    leave(Exit::BadInput, "expected host memory that is registered");
}

} // namespace

extern "C" {

void *mgpuMemAlloc(uint64_t size, void *stream, bool /*isHostShared*/) {
  DeviceLock device;
  device->checkStream(stream);
  if (size == 0)
    return nullptr;
  uint8_t *data = device->memory.allocate(size);
  if (!data)
    leave(Exit::BadInput, "no device memory for " + std::to_string(size) + " bytes");
  return data;
}

void mgpuMemFree(void *address, void *stream) {
  DeviceLock device;
  device->checkStream(stream);
  if (address && !device->memory.free(address))
    leave(Exit::BadInput, "expected memory to free, but got what was never allocated or is freed");
}

void mgpuMemcpy(void *destination, void *source, size_t size, void *stream) {
  DeviceLock device;
  device->checkStream(stream);
  if (size == 0)
    return;
  auto *to = checkRange(*device, "a copy", destination, size);
  auto *from = checkRange(*device, "a copy", source, size);
  if (!to && !from)
    leave(Exit::NotClean, "out-of-bounds in a copy: neither side is device memory, or it is freed");
  std::memmove(destination, source, size);
}

void mgpuMemset32(void *destination, unsigned value, size_t count, void *stream) {
  fill("a memset", destination, uint32_t(value), count, stream);
}

void mgpuMemset16(void *destination, unsigned short value, size_t count, void *stream) {
  fill("a memset", destination, uint16_t(value), count, stream);
}

void mgpuMemHostRegister(void *address, uint64_t size) { registerHost(address, size); }

void mgpuMemHostUnregister(void *address) { unregisterHost(address); }

void mgpuMemHostRegisterMemRef(int64_t rank, const int64_t *descriptor, int64_t elementBytes) {
  HostRange range = rangeOf(rank, descriptor, elementBytes);
  registerHost(range.data, range.size);
}

void mgpuMemHostUnregisterMemRef(int64_t rank, const int64_t *descriptor, int64_t elementBytes) {
  HostRange range = rangeOf(rank, descriptor, elementBytes);
  if (range.size != 0)
    unregisterHost(range.data);
}

} // extern "C"
