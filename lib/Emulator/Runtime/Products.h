// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of a warpgroup between issue and wait. Until a warp has waited, its accumulators hold
// nothing that it could rely on, and operands in shared memory count as being read.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_PRODUCTS_H
#define QLLM_LIB_EMULATOR_RUNTIME_PRODUCTS_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include "qllm/Emulator/Runtime/Ops/Collective.h"
#include <memory>
#include <vector>

namespace qllm::emu {

/// What a register of an accumulator holds while product number `id` is under way. All registers of
/// a lane together tell whose they are.
constexpr uint32_t poison(uint64_t id, unsigned word) {
  return uint32_t((id + 1) * 0x9e3779b9u) ^ (word + 1) * 0x85ebca6bu;
}

/// One wgmma of four warps.
struct Product {
  static constexpr unsigned kLanes = 128;

  uint64_t id;
  uint32_t site;
  const WarpgroupMma *operation;
  /// 16-byte pieces of the operands in shared memory, two for each row; none of an A in registers.
  std::vector<const uint8_t *> a, b;
  /// Registers of each lane behind each other: A if it lies there, and D as it was given.
  std::vector<uint32_t> fragments, sums;
  /// The product whose result D is, when that was still under way.
  std::shared_ptr<Product> before;
  /// The new D.
  std::vector<uint32_t> results;
  bool done = false;

  bool isPoison(const uint32_t *words, unsigned count) const {
    if (count != operation->wordsD())
      return false;
    for (unsigned i = 0; i < count; ++i)
      if (words[i] != poison(id, i))
        return false;
    return true;
  }
};

/// A warp's part in a product: the pieces that it reads, since when.
struct ProductReads {
  std::shared_ptr<Product> product;
  WarpClock clock;
  std::vector<uint8_t *> pieces;
};

/// All of a warp. Groups of products are waited for in order.
struct WarpProducts {
  bool fenced = false;
  /// Not yet committed, and the groups that were.
  std::vector<ProductReads> open;
  std::vector<std::vector<ProductReads>> committed;
  /// What the last wait was for.
  std::vector<std::shared_ptr<Product>> arrived;

  bool empty() const { return open.empty() && committed.empty(); }
  /// The first for which `test` holds, the newest first; null if there is none.
  template <typename Test> std::shared_ptr<Product> find(Test test) const {
    for (auto reads = open.rbegin(); reads != open.rend(); ++reads)
      if (test(*reads->product))
        return reads->product;
    for (auto group = committed.rbegin(); group != committed.rend(); ++group)
      for (auto reads = group->rbegin(); reads != group->rend(); ++reads)
        if (test(*reads->product))
          return reads->product;
    return nullptr;
  }
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_PRODUCTS_H
