// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cp.async copies that a thread has issued and not yet waited for.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_ASYNCCOPIES_H
#define QLLM_LIB_EMULATOR_RUNTIME_ASYNCCOPIES_H

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace qllm::emu {

struct AsyncCopy {
  uint8_t *destination;
  const uint8_t *source;
  /// Bytes that change; those from `bytes` on become zero.
  uint32_t size, bytes;
  uint32_t site;
  bool landed;

  void land() {
    if (landed)
      return;
    std::memcpy(destination, source, bytes);
    std::memset(destination + bytes, 0, size - bytes);
    landed = true;
  }
};

class AsyncCopies {
public:
  void issue(const AsyncCopy &copy) { copies.push_back(copy); }
  void commit() { groups.push_back(copies.size()); }
  bool empty() const { return copies.empty(); }
  const AsyncCopy &oldest() const { return copies.front(); }

  /// Takes what must be there when all but the last `pending` groups are; each is given to `settle`
  /// once.
  template <typename Settle> void wait(size_t pending, Settle settle) {
    if (groups.size() <= pending)
      return;
    size_t done = groups.size() - pending;
    take(groups[done - 1], settle);
    groups.erase(groups.begin(), groups.begin() + ptrdiff_t(done));
  }
  /// Takes everything issued, committed or not.
  template <typename Settle> void waitAll(Settle settle) {
    take(copies.size(), settle);
    groups.clear();
  }
  void clear() {
    copies.clear();
    groups.clear();
  }

private:
  template <typename Settle> void take(size_t count, Settle settle) {
    for (size_t i = 0; i < count; ++i)
      settle(copies[i]);
    copies.erase(copies.begin(), copies.begin() + ptrdiff_t(count));
    for (size_t &end : groups)
      end -= end < count ? end : count;
  }
  std::vector<AsyncCopy> copies;
  /// Where each group ends in `copies`.
  std::vector<size_t> groups;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_ASYNCCOPIES_H
