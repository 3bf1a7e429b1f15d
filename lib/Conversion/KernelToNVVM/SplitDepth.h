// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks that share the depth of a tile.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_SPLITDEPTH_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_SPLITDEPTH_H

#include "LinearPlace.h"

namespace qllm {

/// The blocks along z of a tile leave their sums in memory, and count in `arrivals`; the last one
/// adds all of them, in the order of the depth. Whichever it is, the result is the same.
class SplitDepth {
public:
  /// `shared` is memory that is free once all threads have stored their sums.
  SplitDepth(CodeBuilder &code, LinearPlace &place, Buffer arrivals, mlir::Value shared,
             mlir::Value rows, int64_t splits);

  /// The sums are a matrix with the rows of the product for each part. The row (an i64) of it that
  /// holds a row's sums of this block, or of a part.
  mlir::Value ownRow(mlir::Value row) { return rowOf(layer, row); }
  mlir::Value rowOfPart(int64_t part, mlir::Value row) { return rowOf(code.constant(part), row); }
  /// All threads have stored their sums; `body` runs where those of all blocks can be read.
  void whenLast(llvm::function_ref<void()> body);

private:
  mlir::Value rowOf(mlir::Value part, mlir::Value row);

  CodeBuilder &code;
  mlir::Value thread, arrivals, shared, rows, layer;
  int64_t splits;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_SPLITDEPTH_H
