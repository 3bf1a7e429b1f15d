// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who may use which columns of tensor memory: allocation, order, and loads.

#include "TensorMemory.h"
#include "Block.h"

using namespace qllm::emu;

namespace {

bool isWrite(TensorUse use) {
  return use == TensorUse::CopyWrite || use == TensorUse::ProductWrite || use == TensorUse::Free;
}

/// Columns are the lower half of an address, lanes the upper one.
uint32_t columnOf(uint32_t address) { return address & 0xffff; }
uint32_t laneOf(uint32_t address) { return address >> 16; }

} // namespace

std::optional<uint32_t> TensorMemory::allocate(uint32_t count, uint32_t site) {
  cells.resize(kLanes * kColumns, 0xcdcdcdcd);
  columns.resize(kColumns);
  for (uint32_t first = kColumns - count;; first -= count) {
    auto begin = columns.begin() + first;
    if (std::none_of(begin, begin + count, [](const TensorColumn &c) { return c.allocated; })) {
      for (auto column = begin; column != begin + count; ++column) {
        *column = TensorColumn();
        column->allocated = true;
      }
      allocations.push_back({first, count, site});
      return first;
    }
    if (first < count)
      return std::nullopt;
  }
}

bool TensorMemory::free(uint32_t first, uint32_t count) {
  for (auto allocation = allocations.begin(); allocation != allocations.end(); ++allocation)
    if (allocation->first == first && allocation->columns == count) {
      allocations.erase(allocation);
      for (uint32_t column = first; column < first + count; ++column)
        columns[column].allocated = false;
      return true;
    }
  return false;
}

void Block::misuseTensorMemory(Thread &thread, uint32_t site, const std::string &what) {
  memory.findings.add(FindingKind::TensorMemoryMisuse, site,
                      [&] { return describeThread(thread) + " " + what; });
}

/// What is wrong with a use of a column, as the end of a sentence; empty for nothing. Products come
/// after what their own thread has asked for before; all else has to know that it is done.
std::string Block::columnConflict(const Thread &thread, TensorUse use, const TensorColumn &column,
                                  FindingKind &kind) {
  const VectorClock &known = warpOf(thread).tensorKnown;
  bool isProduct = use == TensorUse::ProductRead || use == TensorUse::ProductWrite;
  auto nameOf = [&](unsigned index) { return describeThread(scheduler.thread(index)); };
  kind = FindingKind::CopyNotWaitedFor;
  if (column.writerNumber) {
    bool own = column.writerThread == thread.index();
    if (!(isProduct && own) && !tensorMemory.isComplete(column.writerThread, column.writerNumber))
      return "which an operation of " + nameOf(column.writerThread) + " is still to write";
    unsigned writer = column.writerThread / 32;
    if (writer != thread.warp && known[clockIndex(writer)] < column.writerTime) {
      kind = FindingKind::Race;
      return "written for " + nameOf(column.writerThread) + ", with no barrier and fence between";
    }
  }
  if (!isWrite(use))
    return "";
  bool ownProduct = use == TensorUse::ProductWrite && column.readerThread == thread.index();
  if (!ownProduct && !tensorMemory.isComplete(column.readerThread, column.readerNumber))
    return "which a product of " + nameOf(column.readerThread) + " is still to read";
  kind = FindingKind::Race;
  for (unsigned warp = 0; warp < warps.size(); ++warp)
    if (warp != thread.warp && known[clockIndex(warp)] < column.loaded[clockIndex(warp)])
      return "loaded by warp " + std::to_string(warp) + ", with no barrier and fence between";
  return "";
}

/// Notes that `count` columns are used; false, with a finding, where they cannot be.
bool Block::useColumns(Thread &thread, uint32_t site, TensorUse use, uint32_t address,
                       unsigned count, unsigned lane) {
  uint32_t first = columnOf(address);
  auto name = [](uint32_t column) { return "column " + std::to_string(column); };
  if (laneOf(address) != lane) {
    misuseTensorMemory(thread, site,
                       "uses lane " + std::to_string(laneOf(address)) +
                           " of tensor memory, where " + std::to_string(lane) +
                           " is the first that it can");
    return false;
  }
  for (uint32_t column = first; column != first + count; ++column)
    if (column >= tensorMemory.columns.size() || !tensorMemory.columns[column].allocated) {
      misuseTensorMemory(thread, site,
                         "uses " + name(column) + " of tensor memory, which is not allocated");
      return false;
    }
  bool checks = memory.checks(CheckRaces), reported = false;
  uint32_t now = warpOf(thread).clock.now();
  for (uint32_t index = first; index != first + count; ++index) {
    TensorColumn &column = tensorMemory.columns[index];
    FindingKind kind;
    std::string conflict = checks ? columnConflict(thread, use, column, kind) : "";
    if (conflict.empty() && checks && !isWrite(use) && !column.written) {
      kind = FindingKind::UninitializedRead;
      conflict = "which nobody has written";
    }
    if (!conflict.empty() && !reported)
      memory.findings.add(kind, site, [&] {
        return describeThread(thread) + " uses " + name(index) + " of tensor memory, " + conflict;
      });
    reported |= !conflict.empty();
    if (use == TensorUse::Load)
      column.loaded[clockIndex(thread.warp)] = now;
  }
  return true;
}

void Block::controlTensorMemory(Thread &thread, const TensorControl &control,
                                const Rendezvous &meeting) {
  const uint32_t *in = meeting.in[unsigned(__builtin_ctz(meeting.mask))];
  switch (control.kind) {
  case TensorControl::Allocate:
    return allocateTensorMemory(thread, meeting.site,
                                reinterpret_cast<void *>(in[0] | uint64_t(in[1]) << 32), in[2]);
  case TensorControl::Free:
    return freeTensorMemory(thread, meeting.site, in[0], in[1]);
  case TensorControl::Relinquish:
    tensorMemory.relinquished = true;
    return;
  case TensorControl::Load:
    return loadTensorMemory(thread, control.columns, meeting);
  case TensorControl::WaitForLoads:
    warpOf(thread).loadsTensorMemory = false;
  }
}

void Block::allocateTensorMemory(Thread &thread, uint32_t site, void *slot, uint32_t columns) {
  if (tensorMemory.relinquished)
    misuseTensorMemory(thread, site,
                       "allocates tensor memory after its block gave up the right to");
  if (columns < TensorMemory::kLeastColumns || columns > TensorMemory::kColumns ||
      (columns & (columns - 1)))
    return misuseTensorMemory(thread, site,
                              "allocates " + std::to_string(columns) +
                                  " columns of tensor memory, where a power of two of 32 to 512 is "
                                  "wanted");
  std::optional<uint32_t> first = tensorMemory.allocate(columns, site);
  if (!first)
    return misuseTensorMemory(
        thread, site,
        "allocates " + std::to_string(columns) +
            " columns of tensor memory, which are not free, and waits for ever");
  void *place = memory.access(accessOf(thread, site), slot, 4, AccessKind::Write);
  std::memcpy(place, &*first, sizeof *first);
}

void Block::freeTensorMemory(Thread &thread, uint32_t site, uint32_t address, uint32_t columns) {
  if (!useColumns(thread, site, TensorUse::Free, address, columns))
    return;
  if (!tensorMemory.free(columnOf(address), columns))
    misuseTensorMemory(thread, site, "gives back columns of tensor memory that are no allocation");
}

void Block::loadTensorMemory(Thread &thread, unsigned columns, const Rendezvous &meeting) {
  uint32_t address = meeting.in[thread.lane][0];
  for (uint32_t lanes = meeting.mask; lanes; lanes &= lanes - 1)
    if (meeting.in[unsigned(__builtin_ctz(lanes))][0] != address)
      return misuseTensorMemory(thread, meeting.site,
                                "and other lanes give different addresses of tensor memory");
  // A warp can only read the lanes that have its number among four.
  unsigned first = thread.warp % 4 * 32;
  if (!useColumns(thread, meeting.site, TensorUse::Load, address, columns, first))
    return;
  warpOf(thread).loadsTensorMemory = true;
  for (uint32_t lanes = meeting.mask; lanes; lanes &= lanes - 1) {
    unsigned lane = unsigned(__builtin_ctz(lanes));
    std::copy_n(tensorMemory.row(first + lane) + columnOf(address), columns, meeting.out[lane]);
  }
}

void Block::tensorFence(Thread &thread, uint32_t site, bool after) {
  Warp &warp = warpOf(thread);
  if (after)
    warp.tensorKnown = warp.clock.seen;
  else if (warp.loadsTensorMemory && memory.checks(CheckRaces))
    memory.findings.add(FindingKind::CopyNotWaitedFor, site, [&] {
      return describeThread(thread) +
             " is done with tensor memory while loads of its warp are under "
             "way";
    });
}
