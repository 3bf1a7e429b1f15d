// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor memory and the instructions on it.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_TENSORMEMORYATOM_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_TENSORMEMORYATOM_H

#include "CodeBuilder.h"
#include "qllm/Kernels/BlockScaledKernel.h"

namespace qllm {

/// Products of 4-bit floats with scales of blocks, 128 rows by the columns of a tile by 64, whose
/// sums and scales are in tensor memory. Addresses there are i32. Operands in shared memory are
/// rows of 128 bytes with their swizzle; their addresses are given in units of 16 bytes, and 32
/// bytes further lies the next step of the depth.
class TensorMemoryAtom {
public:
  static constexpr int64_t stepUnits = 2, loadedColumns = 32;

  TensorMemoryAtom(CodeBuilder &code, const kernels::BlockScaledKernel &kernel)
      : code(code), kernel(kernel) {}

  /// Whole warps: all that the kernel needs, whose address is stored at `slot` in shared memory;
  /// the same warp gives it back.
  void allocate(mlir::Value slot);
  void free(mlir::Value address);

  /// One thread, in the order in which it asks: 512 bytes of scales, four of each of 128 rows, to
  /// four columns; then products that use them. `word` of the scales has this step's at byte
  /// `scaleByte`; without `accumulate`, an i1, sums begin at zero.
  void copyScales(mlir::Value units, mlir::Value to);
  void multiply(mlir::Value left, mlir::Value right, mlir::Value leftScales,
                mlir::Value rightScales, unsigned scaleByte, mlir::Value sums,
                mlir::Value accumulate);
  /// Arrives at an mbarrier when all that the thread has asked for is done.
  void commit(mlir::Value barrier);

  /// Whole warps: `loadedColumns` sums, as i32, of the lane's row. The address is that of the
  /// warp's first lane.
  llvm::SmallVector<mlir::Value> load(mlir::Value address);

  /// Order between threads: before one says to others that it is done with tensor memory, and after
  /// one has heard it.
  void fenceBefore();
  void fenceAfter();

private:
  mlir::Value pointer(mlir::Value address);
  mlir::Value descriptor(mlir::Value units, uint64_t bits);

  CodeBuilder &code;
  const kernels::BlockScaledKernel &kernel;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_TENSORMEMORYATOM_H
