// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the verifiers of kernels around a cache have in common.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_CACHEOPERANDS_H
#define QLLM_LIB_DIALECT_KERNEL_IR_CACHEOPERANDS_H

#include "OperandTypes.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm::qk {

/// The cache that the operands and attributes of an operation describe, for heads of `headSize`
/// elements.
template <typename Op> kernels::KVCache cacheOf(Op op, int64_t headSize) {
  auto bits = [](IntFormatAttr format) { return format.getBits() <= 4 ? 4u : 8u; };
  return {shapeOf(op.getCache())[1], headSize, bits(op.getKeyFormat()), bits(op.getValueFormat()),
          int64_t(op.getPageTokens())};
}

/// An error unless the cache's tensor has the bytes that pages of `cache` take.
mlir::LogicalResult verifyCache(mlir::Operation *op, mlir::Value tensor,
                                const kernels::KVCache &cache);
/// An error unless both tables are there, or none, with `columns` columns.
mlir::LogicalResult verifyRotary(mlir::Operation *op, mlir::Value cosines, mlir::Value sines,
                                 int64_t columns);
/// An error unless the center, if there is one, has `columns` elements.
mlir::LogicalResult verifyCenter(mlir::Operation *op, mlir::Value center, int64_t columns);
/// An error unless a range may be multiplied by that.
mlir::LogicalResult verifyClip(mlir::Operation *op, float clip);

/// `int4_int8`, for names.
std::string describeFormats(IntFormatAttr key, IntFormatAttr value);

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_CACHEOPERANDS_H
