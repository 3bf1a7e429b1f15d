// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All memory that a kernel can reach, and the checks of accesses to it.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_MEMORY_H
#define QLLM_LIB_EMULATOR_RUNTIME_MEMORY_H

#include "Scheduler.h"
#include "SharedWindow.h"
#include "qllm/Emulator/Runtime/Findings.h"
#include "qllm/Emulator/Runtime/GlobalShadow.h"
#include "qllm/Emulator/Runtime/SharedShadow.h"
#include "qllm/Emulator/Runtime/Traffic.h"

namespace qllm::emu {

/// `block (1,0,0) thread (5,0,0)`
std::string describeThread(const ThreadContext &thread);

/// One access of a thread at a site.
struct Access {
  const Thread &thread;
  const WarpClock &clock;
  uint32_t site;
  uint32_t order = OrderNothing; ///< of an atomic
  Accessor who() const { return {&clock, thread.lane}; }
};

class Memory {
public:
  Memory(const Program &program, const Launch &launch, unsigned warps);
  bool valid() const { return window.valid(); }
  uint8_t *shared() const { return window.data(); }
  uint32_t sharedOffset(const void *address) const { return window.offset(address); }

  /// Shared memory holds nothing that a kernel could rely on.
  void startBlock(uint64_t index);

  /// Notes an access and counts what is wrong with it. Where it may go: `address`, or a place that
  /// takes anything when nothing of the kernel's is there. A request of less than natural alignment
  /// says so in `alignment`.
  void *access(const Access &access, void *address, uint32_t size, AccessKind kind,
               uint32_t alignment = ~0u);
  /// A fence of the thread for all memory.
  void fence(const Access &access) {
    if (checks(CheckRaces))
      globalShadow->fence(access.who());
  }
  /// The same for one lane of a request that is counted as a whole; and for a write that lands
  /// later.
  void *accessRow(const Access &access, void *address, uint32_t size, AccessKind kind,
                  uint32_t alignment = ~0u);
  bool startCopy(const Access &access, void *address, uint32_t size, uint32_t alignment = ~0u);
  /// A read of shared memory through the asynchronous proxy; `fencedAt(warp, lane)` as
  /// SharedShadow::readByProxy wants it.
  template <typename Fenced>
  void *readByProxy(const Access &access, void *address, uint32_t size, uint32_t alignment,
                    Fenced fencedAt);

  void landCopy(const Access &access, void *address, uint32_t size);
  /// The data is there for those who wait for its barrier.
  void finishCopy(void *address, uint32_t size);

  bool checks(Check check) const { return enabled & check; }
  /// One lane's part of a request; a whole request.
  void count(const Access &access, const void *address, uint32_t size);
  void countRequest(uint32_t site, void *const *addresses, unsigned count, uint32_t size);
  void flushTraffic() { traffic.flush(); }

  Findings findings;
  TrafficLog traffic;

private:
  enum class Space { Shared, Buffer, Local, Nowhere };
  Space classify(const Thread &thread, const uint8_t *address, uint32_t size);
  bool reachable(const Access &access, uint8_t *address, uint32_t size, AccessKind kind,
                 Space &space, uint32_t alignment = ~0u);
  void order(const Access &access, uint8_t *address, uint32_t size, AccessKind kind, Space space);
  void reportBounds(const Access &access, const uint8_t *address, uint32_t size, AccessKind kind);
  void report(const Access &access, const Conflict &conflict, bool writes);
  void report(const Access &access, const GlobalConflict &conflict, bool writes);
  std::string describePlace(const uint8_t *address) const;

  uint32_t enabled;
  SharedWindow window;
  size_t sharedBytes;
  std::vector<Buffer> buffers;
  size_t lastBuffer = 0;
  std::array<uint32_t, 3> grid;
  std::array<uint32_t, 3> blockSize;
  unsigned warps;
  SharedShadow sharedShadow;
  std::unique_ptr<GlobalShadow> globalShadow;
  /// Where accesses go that have no place.
  alignas(64) uint8_t nowhere[256];
};

template <typename Fenced>
void *Memory::readByProxy(const Access &access, void *address, uint32_t size, uint32_t alignment,
                          Fenced fencedAt) {
  auto *bytes = static_cast<uint8_t *>(address);
  Space space = Space::Shared;
  if (!reachable(access, bytes, size, AccessKind::Read, space, alignment))
    return nowhere;
  if (space != Space::Shared || !checks(CheckRaces))
    return address;
  if (auto conflict =
          sharedShadow.readByProxy(access.who(), window.offset(address), size, fencedAt))
    report(access, *conflict, false);
  return address;
}

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_MEMORY_H
