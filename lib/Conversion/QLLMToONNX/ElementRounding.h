// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding to the values of a number format in operators of float arithmetic.

#ifndef QLLM_LIB_CONVERSION_QLLMTOONNX_ELEMENTROUNDING_H
#define QLLM_LIB_CONVERSION_QLLMTOONNX_ELEMENTROUNDING_H

#include "GraphBuilder.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// For the elements of one quantized type, which is no codebook.
class ElementRounding {
public:
  ElementRounding(GraphBuilder &graph, QuantizedType type) : graph(graph), type(type) {}

  /// What an extent is divided by: the largest element, or the number of steps in a range.
  float largest() const;
  /// Round(x + offsets), ties to even; `offsets` may be null.
  mlir::Value nearest(mlir::Value x, mlir::Value offsets);
  /// Held within the codes of an integer or ternary format.
  mlir::Value codes(mlir::Value x);
  /// The nearest element, saturating. Formats without zero points.
  mlir::Value element(mlir::Value x, mlir::Value offsets);
  /// A positive scale, rounded as its encoding says; not for ue8m0.
  mlir::Value storedScale(mlir::Value scale, ScaleEncoding encoding);
  /// 2^(floor(log2 extent) - floor(log2 largest)).
  mlir::Value powerOfTwo(mlir::Value extent);

private:
  mlir::Value clip(mlir::Value x, float low, float high);
  mlir::Value castThrough(mlir::Value x, mlir::Type narrow, int64_t code);
  mlir::Value minifloat(mlir::Value x);
  template <typename OpTy>
  mlir::Value where(llvm::StringRef role, mlir::Value a, mlir::Value b, mlir::Value yes,
                    mlir::Value no);

  GraphBuilder &graph;
  QuantizedType type;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOONNX_ELEMENTROUNDING_H
