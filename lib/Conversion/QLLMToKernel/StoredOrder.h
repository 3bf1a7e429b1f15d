// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a constant in an order of kernels says of itself, and its way back.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_STOREDORDER_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_STOREDORDER_H

#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Format/Span.h"
#include "llvm/Support/Error.h"

#include <vector>

namespace qllm {

/// What the name of a shuffled constant ends with.
inline constexpr llvm::StringLiteral shuffledSuffix = "_shuffled";

struct StoredOrder {
  qk::LayoutAttr layout;
  mlir::RankedTensorType rowMajor; ///< before

  /// Of the result of `qk.shuffle_weight` or `qk.shuffle_scales`; null for other operations.
  static StoredOrder ofShuffle(mlir::Operation *op);
  /// Of a constant with `qk.layout`.
  static StoredOrder of(mlir::Operation *op);
  void attachTo(mlir::Operation *op) const;

  /// The bytes of the row-major constant, whose 4-bit codes lie two to a byte.
  llvm::Expected<std::vector<uint8_t>> rowMajorBytes(Span<const uint8_t> shuffled) const;
};

/// One code to a byte as two codes to a byte.
llvm::Expected<std::vector<uint8_t>> packHalfBytes(Span<const uint8_t> codes);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_STOREDORDER_H
