// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of a warpgroup between issue and wait. Until a warp has waited, its accumulators hold
// nothing that it could rely on, and operands in shared memory count as being read.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_PRODUCTS_H
#define QLLM_LIB_EMULATOR_RUNTIME_PRODUCTS_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include "qllm/Emulator/Runtime/Ops/Collective.h"
#include <algorithm>
#include <memory>
#include <vector>

namespace qllm::emu {

/// What a register of an accumulator holds while product number `id` is under way. All registers of
/// a lane together tell whose they are.
constexpr uint32_t poison(uint64_t id, unsigned word) {
  return uint32_t((id + 1) * 0x9e3779b9u) ^ (word + 1) * 0x85ebca6bu;
}

/// Rows of an operand in shared memory, 32 bytes each, as two pieces that may lie apart.
struct MatrixRows {
  static constexpr unsigned kRowPieces = 2, kPieceBytes = 16;
  std::vector<uint8_t *> pieces;

  /// `visit(address, bytes)` of what lies together.
  template <typename Visit> void forRows(unsigned begin, unsigned end, Visit visit) const {
    for (size_t i = begin * kRowPieces; i < end * kRowPieces; i += kRowPieces) {
      uint8_t *low = std::min(pieces[i], pieces[i + 1]), *high = std::max(pieces[i], pieces[i + 1]);
      if (low + kPieceBytes == high) {
        visit(low, kRowPieces * kPieceBytes);
        continue;
      }
      visit(low, kPieceBytes);
      visit(high, kPieceBytes);
    }
  }
};

/// One wgmma of four warps.
struct Product {
  static constexpr unsigned kWarps = 4, kLanes = 32 * kWarps, kWarpRows = 16;

  uint64_t id;
  uint32_t site;
  const WarpgroupMma *operation;
  /// No rows of an A in registers.
  MatrixRows a, b;
  /// Registers of each lane behind each other: A if it lies there, and D as it was given.
  std::vector<uint32_t> fragments, sums;
  /// The product whose result D is, when that was still under way.
  std::shared_ptr<Product> before;
  /// The new D.
  std::vector<uint32_t> results;
  bool done = false;

  /// `visit(address, bytes)` with what warps `first` up to `last` of the four read: each its rows
  /// of A, and all of B.
  template <typename Visit> void forReads(unsigned first, unsigned last, Visit visit) const {
    if (!a.pieces.empty())
      a.forRows(first * kWarpRows, last * kWarpRows, visit);
    b.forRows(0, operation->n, visit);
  }

  bool isPoison(const uint32_t *words, unsigned count) const {
    if (count != operation->wordsD())
      return false;
    for (unsigned i = 0; i < count; ++i)
      if (words[i] != poison(id, i))
        return false;
    return true;
  }
};

/// A warp's part in a product: it reads the operands, since when.
struct ProductReads {
  std::shared_ptr<Product> product;
  WarpClock clock;
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
