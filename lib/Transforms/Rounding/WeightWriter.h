// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a float weight to the parts of a quantized one.

#ifndef QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTWRITER_H
#define QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTWRITER_H

#include "WeightReader.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"

namespace qllm {

/// The constants that `qllm.pack` makes a quantized weight of.
struct QuantizedWeight {
  mlir::TypedAttr codes;
  mlir::TypedAttr scales;
  /// Null where the format has no zero points.
  mlir::TypedAttr zeroPoints;
  /// Null where the type has no tensor scale.
  mlir::TypedAttr tensorScale;
};

/// Rounds `weight` to nearest in the format of `type` (per tensor, per row, in groups of a row or of
/// a column), block of rows by block of rows on the context's threads. The blobs are named after
/// `name`. Fails on values that have no code, naming the first one, and with a `SpillError` where
/// there is no room for the result.
llvm::Expected<QuantizedWeight> roundToNearest(const WeightReader &weight, QuantizedType type,
                                               llvm::StringRef name);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTWRITER_H
