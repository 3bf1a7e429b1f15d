// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor memory of a block, and the operations on it that are under way.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_TENSORMEMORY_H
#define QLLM_LIB_EMULATOR_RUNTIME_TENSORMEMORY_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include "qllm/Emulator/Runtime/Ops/Collective.h"
#include <deque>
#include <map>
#include <vector>

namespace qllm::emu {

/// Operands of tcgen05.mma.block_scale as they are given.
struct TensorProduct {
  uint32_t sums;
  uint64_t a, b;
  uint32_t instruction;
  bool accumulate;
  uint32_t scalesA, scalesB, blockLength;
};

/// A copy of scales or a product that a thread has asked for. What it reads in shared memory is
/// read when it is done.
struct TensorOperation {
  uint32_t site;
  unsigned thread;
  WarpClock clock; ///< when it was issued
  /// Pieces of 16 bytes: of each row of scales one, or of A and B two.
  std::vector<uint8_t *> a, b;
  uint32_t to; ///< the first column that is written
  /// Of a product; a copy has no columns.
  unsigned columns = 0;
  bool accumulate = false;
  uint32_t scalesA = 0, scalesB = 0;
  BlockScaledMma form{};
};

/// The operations of a thread, which are done in their order and numbered from 1 on.
struct TensorQueue {
  std::deque<TensorOperation> waiting;
  uint64_t issued = 0, done = 0;
  uint64_t complete = 0; ///< up to this one an mbarrier has been told
  uint32_t lastSite = 0;
};

enum class TensorUse : uint8_t { Load, CopyWrite, ProductRead, ProductWrite, Free };

/// Who has used a column last.
struct TensorColumn {
  bool allocated = false, written = false;
  unsigned writerThread = 0;
  uint64_t writerNumber = 0;
  uint32_t writerTime = 0;
  /// The last product that reads it, and the time of each warp's last load.
  unsigned readerThread = 0;
  uint64_t readerNumber = 0;
  VectorClock loaded;
};

struct TensorMemory {
  static constexpr unsigned kLanes = 128, kColumns = 512, kLeastColumns = 32;

  struct Allocation {
    uint32_t first, columns, site;
  };

  /// Cells and columns are there from the first allocation on.
  uint32_t *row(unsigned lane) { return &cells[lane * kColumns]; }
  /// The last columns that are free: address 0 is no good guess.
  std::optional<uint32_t> allocate(uint32_t count, uint32_t site);
  bool free(uint32_t first, uint32_t count);

  const TensorQueue *find(unsigned thread) const {
    auto found = queues.find(thread);
    return found == queues.end() ? nullptr : &found->second;
  }
  bool isComplete(unsigned thread, uint64_t number) const {
    const TensorQueue *queue = find(thread);
    return number == 0 || (queue && queue->complete >= number);
  }

  std::vector<uint32_t> cells;
  std::vector<TensorColumn> columns;
  std::vector<Allocation> allocations;
  bool relinquished = false;
  /// By the index of their thread.
  std::map<unsigned, TensorQueue> queues;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_TENSORMEMORY_H
