// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The queries of a tile, as the left operand of tensor instructions.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONQUERIES_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONQUERIES_H

#include "HeadRow.h"
#include "SplitFragments.h"
#include "qllm/Dialect/Kernel/IR/AttentionTile.h"

namespace qllm {

/// A row of a tile: a query, and one of the heads that share a head of the cache.
struct TileRow {
  mlir::Value query;    ///< the row of the matrix; that of the last one where there is none
  mlir::Value head;     ///< of the queries
  mlir::Value exists;   ///< whether the tile has such a row
  mlir::Value position; ///< of the token
};

/// What a lane has of each of its rows.
struct LaneRow {
  TileRow row;
  mlir::Value factor; ///< of products of negated codes, to be scores in powers of two
  mlir::Value sum;    ///< of the query's elements, before the factor
};

/// Where a block works.
struct AttentionPlace {
  mlir::Value thread, lane, warp;
  mlir::Value head, tile, split;
};

/// Row `index` (i32) of the tile of a block.
TileRow findRow(CodeBuilder &code, const kernels::AttentionTile &tile, mlir::Value index,
                const AttentionPlace &place, mlir::Value rows);

/// Reads row l / 4 for lane l, and l / 4 + 8 if the tile has more than 8 rows. All warps have the
/// same rows; their fragments are in shared memory, where registers are left for sums.
class AttentionQueries {
public:
  AttentionQueries(CodeBuilder &code, qk::AttentionOp op, const KernelFunction &function,
                   const AttentionPlace &place, mlir::Value shared);

  /// The fragment of a step of 16 elements, in the order in which keys are unpacked.
  SplitWords read(int64_t step);

  llvm::SmallVector<LaneRow, 2> rows;
  /// The greatest position of any row of the tile.
  mlir::Value lastPosition;

private:
  void readRow(LaneRow &lane, llvm::SmallVector<mlir::Value> &elements);
  void findLastPosition();
  SplitWords makeFragment(llvm::ArrayRef<llvm::SmallVector<mlir::Value>> elements, int64_t step);
  void store(const SplitWords &fragment, int64_t step);

  CodeBuilder &code;
  qk::AttentionOp op;
  kernels::AttentionTile tile;
  kernels::AttentionKernel kernel;
  const KernelFunction &function;
  HeadPart part;
  mlir::Value laneOfWarp;
  mlir::Value own; ///< the lane's part of the first fragment
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONQUERIES_H
