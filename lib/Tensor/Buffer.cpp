// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/Buffer.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <unistd.h>
#include <vector>

using namespace qllm;

namespace {

/// Blocks under this size come straight from malloc, which already keeps them.
constexpr size_t smallBlock = 64 * 1024;
/// Unused bytes kept at most.
constexpr size_t keptBytes = size_t(192) << 20;

/// Rounds up to an eighth of a power of two, so that sizes that differ a little share blocks and at
/// most an eighth is lost.
size_t roundUp(size_t bytes) {
  size_t step = std::max<size_t>(llvm::bit_floor(bytes) / 8, 4096);
  return (bytes + step - 1) / step * step;
}

size_t physicalMemory() {
  long pages = sysconf(_SC_PHYS_PAGES), pageSize = sysconf(_SC_PAGE_SIZE);
  return pages > 0 && pageSize > 0 ? size_t(pages) * size_t(pageSize) : SIZE_MAX / 2;
}

} // namespace

struct BufferCache::State {
  mutable std::mutex mutex;
  std::map<size_t, std::vector<char *>> unused;
  size_t kept = 0, inUse = 0, peak = 0;
  const size_t limit = physicalMemory();

  char *take(size_t size) {
    std::lock_guard<std::mutex> lock(mutex);
    if (size > limit - std::min(limit, inUse))
      return nullptr; // the system might promise such memory, but could not hand it out
    char *block = nullptr;
    if (auto found = unused.find(size); found != unused.end() && !found->second.empty()) {
      block = found->second.back();
      found->second.pop_back();
      kept -= size;
    } else {
      block = static_cast<char *>(std::aligned_alloc(64, (size + 63) / 64 * 64));
    }
    if (block) {
      inUse += size;
      peak = std::max(peak, inUse);
    }
    return block;
  }

  void give(char *block, size_t size) {
    std::lock_guard<std::mutex> lock(mutex);
    inUse -= size;
    if (size < smallBlock || kept + size > keptBytes) {
      std::free(block);
      return;
    }
    unused[size].push_back(block);
    kept += size;
  }

  void trim() {
    std::lock_guard<std::mutex> lock(mutex);
    for (auto &[size, blocks] : unused)
      for (char *block : blocks)
        std::free(block);
    unused.clear();
    kept = 0;
  }
};

BufferCache::BufferCache() : state(std::make_unique<State>()) {}
BufferCache::~BufferCache() { state->trim(); }

BufferCache &BufferCache::get() {
  // Never destroyed: tensors in static objects may be freed after any static destructor.
  static BufferCache *cache = new BufferCache();
  return *cache;
}

std::shared_ptr<char> BufferCache::allocate(size_t bytes) {
  if (bytes > state->limit)
    return nullptr;
  size_t size = bytes < smallBlock ? std::max<size_t>(bytes, 1) : roundUp(bytes);
  char *block = state->take(size);
  if (!block)
    return nullptr;
  return std::shared_ptr<char>(block, [this, size](char *data) { state->give(data, size); });
}

void BufferCache::trim() { state->trim(); }

size_t BufferCache::bytesInUse() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->inUse;
}

size_t BufferCache::peakBytes() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->peak;
}

void BufferCache::resetPeak() {
  std::lock_guard<std::mutex> lock(state->mutex);
  state->peak = state->inUse;
}
