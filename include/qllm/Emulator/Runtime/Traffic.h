// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bank conflicts and sectors. Lanes run one after the other here, so the accesses that a warp makes
// as one request are put together again: the n-th access of each lane at a site, between two
// barriers.

#ifndef QLLM_EMULATOR_RUNTIME_TRAFFIC_H
#define QLLM_EMULATOR_RUNTIME_TRAFFIC_H

#include "qllm/Emulator/Runtime/Report.h"

namespace qllm::emu {

/// Passes over 32 banks of 4 bytes that one request of `count` lanes with `size` bytes each needs.
/// Requests of 8 and 16 bytes are made by 16 and 8 lanes at a time.
unsigned bankPasses(const uint64_t *addresses, unsigned count, uint32_t size);
unsigned leastBankPasses(unsigned count, uint32_t size);

/// 32-byte sectors that the accesses touch, and those that as many different bytes need.
unsigned sectors(const uint64_t *addresses, unsigned count, uint32_t size);
unsigned leastSectors(const uint64_t *addresses, unsigned count, uint32_t size);

class TrafficLog {
public:
  TrafficLog(size_t sites, unsigned warps);

  /// One lane's part of a request.
  void add(uint32_t site, unsigned warp, unsigned lane, uint64_t address, uint32_t size,
           bool shared) {
    uint32_t index = site * warps + warp;
    Stream &stream = streams[index];
    uint32_t turn = stream.done[lane]++;
    if (turn == stream.count)
      open(index);
    stream.size = size;
    stream.shared = shared;
    Request &request = stream.requests[turn];
    request.addresses[lane] = address;
    request.lanes |= 1u << lane;
    // Mostly the last lane completes one after the other, and the stream starts anew.
    if (request.lanes == ~0u && ++stream.complete == stream.count)
      close(index);
  }
  /// A request whose addresses are all known.
  void addRequest(uint32_t site, const uint64_t *addresses, unsigned count, uint32_t size,
                  bool shared);
  /// Lanes of these warps are at the same point.
  void flush(unsigned firstWarp, unsigned count);

  std::vector<Traffic> collect(const Program &program) const;

private:
  /// Addresses by lane; lanes need not come in order. What each of them looks at lies in one line.
  struct alignas(64) Request {
    uint32_t lanes;
    uint64_t addresses[32];
  };
  /// Requests of one warp at one site that lanes have yet to take part in, and those in between.
  struct alignas(64) Stream {
    std::vector<Request> requests; ///< `count` of them are in use
    uint32_t count = 0, complete = 0, size = 0;
    bool shared = false, touched = false;
    uint32_t done[32] = {};
  };
  struct Counts {
    uint64_t requests = 0, units = 0, leastUnits = 0;
    bool shared = false;
  };

  /// One more request of a stream; all that it has are counted.
  void open(uint32_t index);
  void close(uint32_t index);

  unsigned warps;
  std::vector<Stream> streams;
  /// Those that have held something since the last flush.
  std::vector<uint32_t> touched;
  std::vector<Counts> counts;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_TRAFFIC_H
