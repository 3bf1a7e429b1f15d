// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each allocation is a mapping with as much room before and behind it that may not be touched.

#include "DeviceMemory.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>

using namespace qllm::emu;

namespace {

constexpr size_t page = 4096;
/// Room between pieces is at least this, for kernels that are off by rows of a matrix.
constexpr size_t leastRoom = 1 << 20;

/// The mapping of a piece of `size` bytes: room, pages, room.
struct Extent {
  size_t pages, room;
  explicit Extent(size_t size)
      : pages((size + page - 1) / page * page), room(std::max(pages, leastRoom)) {}
  size_t total() const { return pages + 2 * room; }
};

} // namespace

uint8_t *DeviceMemory::allocate(size_t size) {
  if (size > size_t(1) << 44) // of which no machine has as much, and whose extent could overflow
    return nullptr;
  Extent extent(size);
  void *mapping =
      mmap(nullptr, extent.total(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    return nullptr;
  uint8_t *data = static_cast<uint8_t *>(mapping) + extent.room;
  if (mprotect(data, extent.pages, PROT_READ | PROT_WRITE) != 0) {
    munmap(mapping, extent.total());
    return nullptr;
  }
  std::memset(data, 0xee, size);
  all[data] = {data, size, "allocation " + std::to_string(allocations++), false};
  return data;
}

bool DeviceMemory::free(void *address) {
  auto found = all.find(static_cast<uint8_t *>(address));
  if (found == all.end() || found->second.isHost)
    return false;
  Extent extent(found->second.size);
  munmap(found->second.data - extent.room, extent.total());
  all.erase(found);
  return true;
}

bool DeviceMemory::registerHost(void *address, size_t size) {
  auto *data = static_cast<uint8_t *>(address);
  auto next = all.lower_bound(data);
  if (find(data) || (next != all.end() && next->first < data + size))
    return false;
  all[data] = {data, size, "host memory " + std::to_string(registrations++), true};
  return true;
}

bool DeviceMemory::unregisterHost(void *address) {
  auto found = all.find(static_cast<uint8_t *>(address));
  if (found == all.end() || !found->second.isHost)
    return false;
  all.erase(found);
  return true;
}

const DeviceMemory::Piece *DeviceMemory::find(const void *address) const {
  auto *byte = static_cast<const uint8_t *>(address);
  auto next = all.upper_bound(byte);
  if (next == all.begin())
    return nullptr;
  const Piece &piece = std::prev(next)->second;
  return byte < piece.data + piece.size ? &piece : nullptr;
}
