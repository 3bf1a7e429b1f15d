// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How blocks share the tiles of a product by stream-K. No MLIR inside.

#ifndef QLLM_KERNELS_STREAMK_H
#define QLLM_KERNELS_STREAMK_H

#include "qllm/Format/FormatStatus.h"

#include <cstdint>

namespace qllm::kernels {

/// The steps of a row of tiles stand in a line, those of one tile's depth after those of another's,
/// and every block has an equal run of them. So a block computes the end of a tile, then whole
/// tiles, then the beginning of one. Blocks that have parts of one tile leave their sums in slots
/// of memory, and the last of them to arrive adds the slots in the order of the depth.
struct StreamK {
  std::int64_t tiles = 0;  ///< in the row: along the columns of the product
  std::int64_t steps = 0;  ///< of each tile, along the depth
  std::int64_t blocks = 0; ///< that share the row

  /// Steps per block as a fraction in lowest terms.
  struct Share {
    std::int64_t steps, blocks;
  };
  Share share() const;

  /// The number of the block's first step, from 0 to tiles * steps.
  std::int64_t begin(std::int64_t block) const;
  /// The block that has a step.
  std::int64_t blockOf(std::int64_t step) const;

  /// Whether a block may have parts of several tiles, and whether one may have a whole tile.
  bool crossesTiles() const { return blocks % tiles != 0; }
  bool hasWholeTiles() const { return share().steps >= steps * share().blocks; }
  /// Slots of partial sums. A block leaves at most two: of the tile where it begins, and of the one
  /// where it ends.
  std::int64_t slotsOfBlock() const { return crossesTiles() ? 2 : 1; }
  std::int64_t slots() const { return blocks * slotsOfBlock(); }
  std::int64_t slotOf(std::int64_t block, std::int64_t tile) const;
  /// Blocks that have a part of one tile, at most.
  std::int64_t mostBlocksOfTile() const;
  /// Parts that a thread with so many sums of each has on their way together: as many as fit into
  /// the registers that are free behind the loop over the depth.
  std::int64_t partsAtOnce(std::int64_t sums) const;

  /// Whether every block has a step, and all numbers fit the 32 bits in which kernels compute them.
  FormatStatus verify() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_STREAMK_H
