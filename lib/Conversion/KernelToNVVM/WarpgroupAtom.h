// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor instructions of four warps.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPATOM_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPATOM_H

#include "CodeBuilder.h"

namespace qllm {

/// m64nNk32 products of bytes. Operands in shared memory are rows of 128 bytes with their swizzle,
/// eight rows behind each other; their address is given in units of 16 bytes, and 32 bytes further
/// lies the next step of the depth. Sums of a lane are N / 2 words of one struct: elements
/// (16 * w + l / 4 + 8 * (i / 2 % 2), 8 * (i / 4) + 2 * (l % 4) + i % 2) of warp w.
class WarpgroupAtom {
public:
  static constexpr int64_t rows = 64, unitBytes = 16, stepUnits = 2;

  WarpgroupAtom(CodeBuilder &code, int64_t columns, bool leftSigned, bool rightSigned)
      : code(code), columns(columns), leftSigned(leftSigned), rightSigned(rightSigned) {}

  mlir::Value zeroSums();

  /// Starts left * right, plus `sums` with `accumulate`. The result is there after a wait.
  mlir::Value multiply(mlir::Value left, mlir::Value right, mlir::Value sums, bool accumulate);
  /// The same with four words of the left operand in registers, as mma.sync has them.
  mlir::Value multiplyWords(llvm::ArrayRef<mlir::Value> left, mlir::Value right, mlir::Value sums);

  /// Before the first product and after registers were written that one takes; ends a group of
  /// products; waits for all but some groups.
  void fence();
  void commit();
  void waitForAllBut(int64_t groups);

  llvm::SmallVector<mlir::Value> elements(mlir::Value sums);

private:
  mlir::Type sumsType();
  mlir::Value descriptor(mlir::Value units);

  CodeBuilder &code;
  int64_t columns;
  bool leftSigned, rightSigned;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPATOM_H
