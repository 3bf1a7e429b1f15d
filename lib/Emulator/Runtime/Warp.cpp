// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Collective operations of a warp: lanes meet, the last one performs the operation for all.

#include "Block.h"

using namespace qllm::emu;

namespace {

/// Operations that PTX calls aligned: the whole warp takes part, whatever mask is given.
bool wholeWarp(const Collective &operation) {
  return std::holds_alternative<Mma>(operation) ||
         std::holds_alternative<BlockScaledMma>(operation) ||
         std::holds_alternative<MatrixCopy>(operation) ||
         std::holds_alternative<WarpgroupControl>(operation) ||
         std::holds_alternative<TensorControl>(operation);
}

} // namespace

void Block::collective(Thread &thread, uint32_t site, uint32_t mask, const uint32_t *in,
                       uint32_t *out) {
  if (std::holds_alternative<WarpgroupMma>(*siteAt(site).collective))
    return warpgroupMma(thread, site, in, out);
  Warp &warp = warpOf(thread);
  uint32_t self = 1u << thread.lane, lanes = scheduler.lanes(thread.warp);
  mask = wholeWarp(*siteAt(site).collective) ? lanes : mask & lanes;
  if (!(mask & self)) {
    memory.findings.add(FindingKind::NotInMask, site, [&] {
      return describeThread(thread) + " is not in the mask that it gives";
    });
    mask |= self;
  }
  Rendezvous &meeting = group(warp, site, mask);
  meeting.arrived |= self;
  meeting.in[thread.lane] = in;
  meeting.out[thread.lane] = out;
  if (meeting.arrived != mask)
    return scheduler.suspend(thread, site);
  perform(thread, meeting);
  meeting.arrived = 0;
  scheduler.wake(thread.warp, mask & ~self);
}

/// The incomplete group of these lanes at this site, or a new one.
Rendezvous &Block::group(Warp &warp, uint32_t site, uint32_t mask) {
  Rendezvous *free = nullptr;
  for (Rendezvous &candidate : warp.groups) {
    if (candidate.arrived && candidate.site == site && candidate.mask == mask)
      return candidate;
    if (!candidate.arrived)
      free = &candidate;
  }
  if (!free)
    free = &warp.groups.emplace_back();
  free->site = site;
  free->mask = mask;
  return *free;
}

void Block::perform(Thread &thread, const Rendezvous &meeting) {
  ++collectives;
  fruitlessTests = 0;
  const Site &site = siteAt(meeting.site);
  auto give = [&](uint32_t word) {
    for (uint32_t lanes = meeting.mask; lanes; lanes &= lanes - 1)
      meeting.out[unsigned(__builtin_ctz(lanes))][0] = word;
  };
  const Collective &operation = *site.collective;
  if (const auto *mma = std::get_if<Mma>(&operation))
    performMma(*mma, meeting, mma->m * mma->n * mma->k);
  else if (const auto *scaled = std::get_if<BlockScaledMma>(&operation))
    performMma(*scaled, meeting, 16 * 8 * scaled->k);
  else if (const auto *copy = std::get_if<MatrixCopy>(&operation))
    performCopy(thread, *copy, meeting);
  else if (const auto *shuffle = std::get_if<Shuffle>(&operation))
    performShuffle(thread, *shuffle, meeting);
  else if (const auto *vote = std::get_if<Vote>(&operation))
    give(evaluate(*vote, meeting.mask, meeting.in.data()));
  else if (const auto *reduce = std::get_if<Reduce>(&operation))
    give(evaluate(*reduce, meeting.mask, meeting.in.data()));
  else if (const auto *match = std::get_if<Match>(&operation))
    performMatch(*match, meeting, site.wordsIn);
  else if (const auto *control = std::get_if<WarpgroupControl>(&operation))
    controlProducts(thread, *control);
  else if (const auto *tensor = std::get_if<TensorControl>(&operation))
    controlTensorMemory(thread, *tensor, meeting);
  else if (std::holds_alternative<Elect>(operation)) {
    give(0);
    meeting.out[unsigned(__builtin_ctz(meeting.mask))][0] = 1;
  } else
    warpOf(thread).clock.synchronizeLanes();
}

template <typename Operation>
void Block::performMma(const Operation &operation, const Rendezvous &meeting, unsigned products) {
  if (meeting.mask != ~0u)
    return; // a warp of less than 32 threads: launchError refuses it
  evaluate(operation, models[meeting.site], meeting.in.data(), meeting.out.data());
  multiplyAdds += products;
}

void Block::performCopy(Thread &thread, const MatrixCopy &operation, const Rendezvous &meeting) {
  void *rows[32];
  AccessKind kind = operation.store ? AccessKind::Write : AccessKind::Read;
  unsigned count = 8 * operation.count;
  for (unsigned lane = 0; lane < count; ++lane) {
    uint64_t address = meeting.in[lane][0] | uint64_t(meeting.in[lane][1]) << 32;
    rows[lane] = reinterpret_cast<void *>(address);
  }
  memory.countRequest(meeting.site, rows, count, 16);
  if (launch.checks & (CheckBounds | CheckRaces))
    for (unsigned lane = 0; lane < count; ++lane)
      rows[lane] = memory.accessRow(accessOf(scheduler.thread(thread.warp, lane), meeting.site),
                                    rows[lane], 16, kind);
  if (operation.store) {
    std::array<const uint32_t *, 32> words = meeting.in;
    for (const uint32_t *&lane : words)
      lane += 2; // behind the address
    storeMatrices(operation, words.data(), reinterpret_cast<uint8_t *const *>(rows));
  } else {
    loadMatrices(operation, reinterpret_cast<const uint8_t *const *>(rows), meeting.out.data());
  }
}

void Block::performShuffle(Thread &thread, const Shuffle &operation, const Rendezvous &meeting) {
  for (uint32_t lanes = meeting.mask; lanes; lanes &= lanes - 1) {
    unsigned lane = unsigned(__builtin_ctz(lanes));
    const uint32_t *in = meeting.in[lane];
    ShuffleSource source = shuffleSource(operation, lane, in[1], in[2]);
    if (!(meeting.mask >> source.lane & 1)) {
      memory.findings.add(FindingKind::InactiveSource, meeting.site, [&] {
        return describeThread(scheduler.thread(thread.warp, lane)) + " reads lane " +
               std::to_string(source.lane) + ", which does not take part";
      });
      source.lane = lane;
    }
    meeting.out[lane][0] = meeting.in[source.lane][0];
    meeting.out[lane][1] = source.valid;
  }
}

void Block::performMatch(const Match &operation, const Rendezvous &meeting, unsigned words) {
  for (uint32_t lanes = meeting.mask; lanes; lanes &= lanes - 1) {
    unsigned lane = unsigned(__builtin_ctz(lanes));
    uint32_t equal = matchLanes(meeting.mask, lane, words, meeting.in.data());
    bool all = equal == meeting.mask;
    meeting.out[lane][0] = operation.all && !all ? 0 : equal;
    meeting.out[lane][1] = all;
  }
}
