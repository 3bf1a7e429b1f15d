// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row and the threads that share it: which elements a thread has, and sums over all of them.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ROWTHREADS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ROWTHREADS_H

#include "CodeBuilder.h"
#include "qllm/Kernels/QuantizeKernel.h"

namespace qllm {

/// What threads of a row are combined by. Integers are i32; maxima and minima are signed.
enum class Combine { AddFloat, AddInt, Maximum, Minimum };

class RowThreads {
public:
  static constexpr int64_t pieceLength = kernels::QuantizeKernel::pieceLength;

  RowThreads(CodeBuilder &code, const kernels::QuantizeKernel &kernel, mlir::Value shared);

  /// Calls `body` for each row of the block that is among the `rows` of the matrix, as far as these
  /// threads have it: one row after the other, or all of them at a time.
  void forRows(mlir::Value rows, llvm::function_ref<void()> body);

  /// Pieces of a thread in a row of `columns` elements.
  int64_t pieces(int64_t columns) const;
  /// Column of a piece's first element. Where `inside` does not hold it is that of the last one.
  mlir::Value column(int64_t piece, int64_t columns);
  /// Whether the row has the piece; null if it always does.
  mlir::Value inside(int64_t piece, int64_t columns);

  /// The combination of the values of all threads of the row, which all of them get. One for each
  /// place in shared memory that the kernel has for it.
  mlir::Value combine(Combine kind, mlir::Value value);
  /// The same of `lanes` neighbouring threads, a power of two of at most 32; a maximum or minimum.
  mlir::Value combineLanes(Combine kind, mlir::Value value, int64_t lanes);
  /// The same of all threads of a warp, whether or not they share a row; also a sum.
  mlir::Value combineWarp(Combine kind, mlir::Value value);
  /// The value of the thread whose number differs by `distance` below 32.
  mlir::Value exchange(mlir::Value value, int64_t distance);
  /// After this, the threads of the row, or of the block, see what each of them has stored.
  void synchronize();
  void synchronizeBlock();

  /// Where an element of the row lies in shared memory, and the `i`th after one whose column is a
  /// multiple of 8. Neither threads with neighbouring pieces nor with neighbouring columns meet in
  /// a bank.
  mlir::Value place(mlir::Value column);
  mlir::Value address(mlir::Value place, int64_t i = 0);

  mlir::Value lane;                       ///< of its warp
  mlir::Value warpOfBlock, threadOfBlock; ///< of the block
  mlir::Value thread;                     ///< of the row
  mlir::Value firstRow;                   ///< of the block, in the matrix
  mlir::Value shared;                     ///< memory of the block
  mlir::Value rows;                       ///< in shared memory, those of the block

  // Of the row that `forRows` is at.
  mlir::Value slot;      ///< among those of the block
  mlir::Value row;       ///< in the matrix
  mlir::Value rowShared; ///< its shared memory

private:
  void enter(mlir::Value rowOfBlock);
  mlir::Value combinePair(Combine kind, mlir::Value a, mlir::Value b);

  CodeBuilder &code;
  const kernels::QuantizeKernel &kernel;
  int64_t usedPlaces = 0;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ROWTHREADS_H
