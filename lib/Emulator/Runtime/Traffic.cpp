// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cost model of memory requests.

#include "qllm/Emulator/Runtime/Traffic.h"

#include <algorithm>

using namespace qllm::emu;

namespace {

/// Lanes whose accesses go together: those of 128 bytes.
unsigned lanesTogether(uint32_t size) { return size <= 4 ? 32 : size == 8 ? 16 : 8; }

/// Whether each address lies `step` behind the one before, as in most requests.
bool stepBy(const uint64_t *addresses, unsigned count, uint64_t step) {
  bool all = true;
  for (unsigned i = 1; i < count; ++i)
    all &= addresses[i] - addresses[i - 1] == step;
  return all;
}

/// The banks of `count` words from `word` on.
uint32_t banksOf(uint64_t word, uint64_t count) {
  uint64_t banks = ((uint64_t(1) << count) - 1) << word % 32;
  return uint32_t(banks | banks >> 32);
}

/// Passes for addresses of one group: the largest number of different words in one bank.
unsigned groupPasses(const uint64_t *addresses, unsigned count, uint32_t size) {
  auto firstWord = [&](unsigned i) { return addresses[i] / 4; };
  auto wordCount = [&](unsigned i) { return (addresses[i] + size - 1) / 4 - firstWord(i) + 1; };
  uint32_t busy = 0;
  bool apart = true;
  for (unsigned i = 0; i < count && apart; ++i) {
    if (i && addresses[i] == addresses[i - 1])
      continue;
    uint32_t banks = banksOf(firstWord(i), wordCount(i));
    apart = !(busy & banks);
    busy |= banks;
  }
  if (apart)
    return 1;
  uint64_t words[32][32];
  unsigned used[32] = {}, most = 1;
  for (unsigned i = 0; i < count; ++i)
    for (uint64_t word = firstWord(i); word < firstWord(i) + wordCount(i); ++word) {
      uint64_t *bank = words[word % 32];
      unsigned &length = used[word % 32];
      if (length == 32 || std::find(bank, bank + length, word) != bank + length)
        continue;
      bank[length++] = word;
      most = std::max(most, length);
    }
  return most;
}

} // namespace

unsigned qllm::emu::bankPasses(const uint64_t *addresses, unsigned count, uint32_t size) {
  unsigned together = lanesTogether(size), passes = 0;
  for (unsigned begin = 0; begin < count; begin += together)
    passes += groupPasses(addresses + begin, std::min(together, count - begin), size);
  return passes;
}

unsigned qllm::emu::leastBankPasses(unsigned count, uint32_t size) {
  return (count + lanesTogether(size) - 1) / lanesTogether(size);
}

unsigned qllm::emu::sectors(const uint64_t *addresses, unsigned count, uint32_t size) {
  if (stepBy(addresses, count, size))
    return unsigned((addresses[0] + count * size - 1) / 32 - addresses[0] / 32 + 1);
  uint64_t found[32 * 4];
  unsigned length = 0;
  for (unsigned i = 0; i < count; ++i)
    for (uint64_t sector = addresses[i] / 32; sector <= (addresses[i] + size - 1) / 32; ++sector)
      if (length < std::size(found) && std::find(found, found + length, sector) == found + length)
        found[length++] = sector;
  return length;
}

unsigned qllm::emu::leastSectors(const uint64_t *addresses, unsigned count, uint32_t size) {
  unsigned different = count;
  if (!stepBy(addresses, count, size))
    for (unsigned i = 0; i < count; ++i)
      different -= std::find(addresses, addresses + i, addresses[i]) != addresses + i;
  return (different * size + 31) / 32;
}

TrafficLog::TrafficLog(size_t sites, unsigned warps)
    : warps(warps), streams(sites * warps), counts(sites) {}

void TrafficLog::addRequest(uint32_t site, const uint64_t *addresses, unsigned count, uint32_t size,
                            bool shared) {
  Counts &sum = counts[site];
  sum.shared = shared;
  ++sum.requests;
  sum.units += shared ? bankPasses(addresses, count, size) : sectors(addresses, count, size);
  sum.leastUnits += shared ? leastBankPasses(count, size) : leastSectors(addresses, count, size);
}

void TrafficLog::open(uint32_t index) {
  Stream &stream = streams[index];
  if (!stream.touched)
    touched.push_back(index);
  stream.touched = true;
  if (stream.count == stream.requests.size())
    stream.requests.emplace_back();
  stream.requests[stream.count++].lanes = 0;
}

void TrafficLog::close(uint32_t index) {
  Stream &stream = streams[index];
  for (uint32_t i = 0; i < stream.count; ++i) {
    const Request &request = stream.requests[i];
    if (request.lanes == ~0u) {
      addRequest(index / warps, request.addresses, 32, stream.size, stream.shared);
      continue;
    }
    uint64_t addresses[32];
    unsigned count = 0;
    for (uint32_t lanes = request.lanes; lanes; lanes &= lanes - 1)
      addresses[count++] = request.addresses[__builtin_ctz(lanes)];
    addRequest(index / warps, addresses, count, stream.size, stream.shared);
  }
  stream.count = stream.complete = 0;
  std::fill(std::begin(stream.done), std::end(stream.done), 0);
}

void TrafficLog::flush(unsigned firstWarp, unsigned count) {
  auto isDone = [&](uint32_t index) {
    if (index % warps - firstWarp >= count)
      return false;
    close(index);
    streams[index].touched = false;
    return true;
  };
  touched.erase(std::remove_if(touched.begin(), touched.end(), isDone), touched.end());
}

std::vector<Traffic> TrafficLog::collect(const Program &program) const {
  std::vector<Traffic> all;
  for (size_t i = 0; i < counts.size(); ++i)
    if (counts[i].requests)
      all.push_back({program.sites[i].operation, program.sites[i].location, counts[i].shared,
                     counts[i].requests, counts[i].units, counts[i].leastUnits});
  return all;
}
