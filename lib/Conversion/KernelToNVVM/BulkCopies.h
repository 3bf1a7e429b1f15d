// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies from global to shared memory that one thread asks for, and that complete an mbarrier.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_BULKCOPIES_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_BULKCOPIES_H

#include "CodeBuilder.h"

namespace qllm {

/// The box of a tensor map of a matrix of bytes that begins at `row` and at byte `column` of it. It
/// goes to the same place in as many blocks of the cluster, from the first on, and completes the
/// barrier of each; for one, to this block.
void copyBox(CodeBuilder &code, mlir::Value map, mlir::Value column, mlir::Value row,
             mlir::Value to, mlir::Value barrier, int64_t blocks = 1);

/// `bytes`, a multiple of 16, in a row.
void copyBytes(CodeBuilder &code, mlir::Value from, mlir::Value bytes, mlir::Value to,
               mlir::Value barrier);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_BULKCOPIES_H
