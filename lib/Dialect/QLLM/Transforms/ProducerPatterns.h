// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What folding into producers asks about the graph in front of a transform.

#ifndef QLLM_LIB_DIALECT_QLLM_TRANSFORMS_PRODUCERPATTERNS_H
#define QLLM_LIB_DIALECT_QLLM_TRANSFORMS_PRODUCERPATTERNS_H

#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include <optional>
#include <string>
#include <vector>

namespace qllm {

namespace onnx {
class AddOp;
} // namespace onnx

/// Computes every element of its result from the elements at the same place.
bool isElementwise(mlir::Operation *op);

/// A constant with an element for each channel (rank 1, or leading axes of size 1).
bool isPerChannel(mlir::Value constant);
bool isPerChannelOrScalar(mlir::Value constant, int64_t channels);

/// The operand that is a constant with an element for each channel of the sum.
std::optional<unsigned> findBias(onnx::AddOp add);

/// Whether `value` is the result of a linear layer, perhaps with a bias behind it.
bool reachesLinear(mlir::Value value);

/// The elements of an f32 constant; nothing for anything else.
std::optional<std::vector<float>> constantFloats(mlir::Value value);

/// An initializer.
mlir::Value createVector(mlir::OpBuilder &builder, mlir::Location loc,
                         llvm::ArrayRef<float> values);

} // namespace qllm

#endif // QLLM_LIB_DIALECT_QLLM_TRANSFORMS_PRODUCERPATTERNS_H
