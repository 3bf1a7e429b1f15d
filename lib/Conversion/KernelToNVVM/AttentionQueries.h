// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The queries of a tile, as the left operand of tensor instructions.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONQUERIES_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONQUERIES_H

#include "HeadRow.h"
#include "SplitFragments.h"

namespace qllm {

/// A row of a tile: a query, and one of the heads that share a head of the cache.
struct TileRow {
  mlir::Value query;    ///< the row of the matrix; that of the last one where there is none
  mlir::Value head;     ///< of the queries
  mlir::Value exists;   ///< whether the tile has such a row
  mlir::Value position; ///< of the token
};

/// What a lane has of each of its two rows.
struct LaneRow {
  TileRow row;
  mlir::Value factor; ///< of products of codes, to be scores in powers of two
  mlir::Value sum;    ///< of the query's elements, before the factor
};

/// Row `index` (i32) of the tile `tile` of the head `head` of the cache.
TileRow findRow(CodeBuilder &code, const kernels::AttentionKernel &kernel, mlir::Value index,
                mlir::Value tile, mlir::Value head, mlir::Value rows);

/// Reads rows l / 4 and l / 4 + 8 for lane l.
class AttentionQueries {
public:
  AttentionQueries(CodeBuilder &code, qk::AttentionOp op, const KernelFunction &function,
                   mlir::Value lane, mlir::Value tile, mlir::Value head);

  std::array<LaneRow, 2> rows;
  /// For each step of 16 elements, in the order in which keys are unpacked.
  llvm::SmallVector<SplitWords> fragments;
  /// The greatest position of any row of the tile.
  mlir::Value lastPosition;

private:
  void readRow(LaneRow &lane, llvm::SmallVector<mlir::Value> &elements);
  void makeFragments(llvm::ArrayRef<mlir::Value> first, llvm::ArrayRef<mlir::Value> second);

  CodeBuilder &code;
  qk::AttentionOp op;
  kernels::AttentionKernel kernel;
  const KernelFunction &function;
  HeadPart part;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONQUERIES_H
