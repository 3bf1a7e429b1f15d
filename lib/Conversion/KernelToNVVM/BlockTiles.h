// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tile scheduler: which tiles, or which parts of them, a block computes, and how parts become a
// tile.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKTILES_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKTILES_H

#include "LinearPlace.h"
#include "qllm/Kernels/StreamK.h"

namespace qllm {

/// The part of a tile that a block computes.
struct TilePart {
  mlir::Value tile;  ///< its number along the columns of the product; null for that of the block
  mlir::Value first; ///< step of the depth; null for 0
  mlir::Value count; ///< of steps; null for all
};

/// What blocks that share tiles have in common: a count for each tile of the product, which is zero
/// before and after, and memory for the sums of parts.
struct StreamBuffers {
  Buffer arrivals, parts;
};

/// Without a schedule by stream-K, every block has the tile of its place in the grid.
///
/// With one, the blocks along x share the row of tiles at y. A block that has computed a part
/// leaves its sums in memory, in a slot of its own, and counts its arrival at the tile; the one
/// that completes the count adds the slots in the order of the depth. So it does not matter for the
/// result which one that is, and no block waits for another: blocks may run in any order, and any
/// number of them at a time.
class BlockTiles {
public:
  /// `shared` is memory that is free once all threads have computed their sums.
  BlockTiles(CodeBuilder &code, const kernels::Schedule &schedule, const kernels::StreamK &stream,
             const StreamBuffers &buffers, mlir::Value rows, mlir::Value shared)
      : code(code), schedule(schedule), stream(stream), buffers(buffers), rows(rows),
        shared(shared) {}

  /// `body` computes a part; it is emitted once, if need be in a loop.
  void forEachPart(llvm::function_ref<void(const TilePart &)> body);

  /// `sums` are the thread's of the part, `width` neighbours along the columns for each of
  /// `places`, all i32 or all f32. `body` gets those of the whole tile, in one of the blocks that
  /// have a part of it. All threads of the block must get here.
  void finish(const TilePart &part, llvm::ArrayRef<mlir::Value> sums,
              llvm::ArrayRef<SumPlace> places, llvm::function_ref<void(mlir::ValueRange)> body);

private:
  mlir::Value beginOf(mlir::Value block);
  mlir::Value blockOf(mlir::Value step);
  mlir::Value slotAddress(mlir::Value block, mlir::Value firstStep, const SumPlace &place);
  void storePart(const TilePart &part, llvm::ArrayRef<mlir::Value> sums,
                 llvm::ArrayRef<SumPlace> places);
  llvm::SmallVector<mlir::Value> addParts(mlir::Value firstBlock, mlir::Value lastBlock,
                                          mlir::Value firstStep, llvm::ArrayRef<mlir::Value> sums,
                                          llvm::ArrayRef<SumPlace> places);

  CodeBuilder &code;
  kernels::Schedule schedule;
  kernels::StreamK stream;
  StreamBuffers buffers;
  mlir::Value rows, shared;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKTILES_H
