// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of floats in the registers of its threads, and what is done to it before it is quantized.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATROW_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATROW_H

#include "KernelFunction.h"
#include "RowThreads.h"

namespace qllm {

/// A normalization: by the root of the mean square, or centred first.
struct RowNorm {
  bool isCentred;
  float epsilon;
  Buffer weight, bias;
};

/// Elements are f32 values of the thread, piece by piece. Those of pieces outside of the row have
/// no meaning.
class FloatRow {
public:
  FloatRow(CodeBuilder &code, RowThreads &threads, const kernels::QuantizeKernel &kernel,
           int64_t columns)
      : code(code), threads(threads), kernel(kernel), columns(columns) {}

  void load(Buffer matrix);
  /// From floats in shared memory, one after the other.
  void loadStaged();
  /// Elements that an index names of those.
  void gatherStaged(Buffer index);
  /// Adds the row of another matrix and rounds to the element type of it; the sum is also stored to
  /// `stream` if there is one.
  void addResidual(Buffer residual, Buffer stream);
  void normalize(const RowNorm &norm);
  /// Multiplies by silu of the row of another matrix.
  void gate(Buffer matrix);
  /// Replaces the row by `count` sums of the elements that an index names, each of `sources`; the
  /// element behind the last is zero.
  void gather(Buffer index, int64_t sources, int64_t count);
  void multiply(Buffer factors);
  /// Multiplies blocks of `size` elements, a power of two, by a Hadamard matrix of unit length.
  void rotate(int64_t size);
  void add(Buffer summands);
  /// After this, nobody reads the row in shared memory any more.
  void waitForReaders();

  int64_t pieces() const { return threads.pieces(columns); }
  llvm::ArrayRef<mlir::Value> piece(int64_t i) const {
    return llvm::ArrayRef(values).slice(i * RowThreads::pieceLength, RowThreads::pieceLength);
  }
  /// A vector's elements that belong to a piece.
  llvm::SmallVector<mlir::Value> loadPiece(Buffer vector, int64_t piece);

private:
  using Function = llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)>;

  llvm::SmallVector<mlir::Value> loadAt(Buffer buffer, mlir::Value base, mlir::Value column);
  mlir::Value rowOf(Buffer matrix);
  mlir::Value vectorOf(Buffer vector);
  /// Every element and that of a vector by `function`.
  void combine(Buffer vector, Function function);
  void storeShared();
  void loadShared();
  void rotateInPieces(int64_t size);
  void rotateInWarps(int64_t size);
  void rotateInShared(int64_t size);
  /// Sums of elements in shared memory, whose addresses `find` gives.
  void sumSources(Buffer index, int64_t sources, llvm::function_ref<mlir::Value(mlir::Value)> find);
  /// The sum of function(element) over the row.
  mlir::Value sum(llvm::function_ref<mlir::Value(mlir::Value element, mlir::Value sum)> function);

  CodeBuilder &code;
  RowThreads &threads;
  const kernels::QuantizeKernel &kernel;
  int64_t columns;
  llvm::SmallVector<mlir::Value> values;
  bool isSharedRead = false; ///< whether others may still read the row in shared memory
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATROW_H
