// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms that move into whatever computes their input: gains of norms, rows of linear
// layers, the linear factor of a gated product, values behind attention.

#ifndef QLLM_DIALECT_QLLM_TRANSFORMS_FOLDINTOPRODUCERS_H
#define QLLM_DIALECT_QLLM_TRANSFORMS_FOLDINTOPRODUCERS_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/QLLM/IR/QLLMInterfaces.h"
#include <optional>
#include <string>

namespace qllm {

/// Why a transform is still there after an attempt to fold it into its producer: a string on it.
inline constexpr llvm::StringLiteral keptAttr = "qllm.kept";

/// Moves the transform into its producer and erases it. Where that is not possible nothing changes,
/// and the reason is returned: the transform then has to run for every token.
std::optional<std::string> foldIntoProducer(ChannelTransform transform);

/// The same question alone.
std::optional<std::string> findProducerObstacle(ChannelTransform transform);

/// The operation `transform` on another input, whose last axis is the same channels.
mlir::Value applyTransform(mlir::OpBuilder &builder, ChannelTransform transform, mlir::Value input);

/// [n, m] to [m, n]; looks through a transposition that is there already.
mlir::Value transposeMatrix(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value matrix);

/// A layer whose result is T(x W^T + b), given W and b: the transform of its rows.
LinearParameters transformRows(mlir::OpBuilder &builder, ChannelTransform transform,
                               LinearParameters layer);

/// Takes transpositions away that nothing reads any more: rewritten rows look through them, and what
/// they read would stay in the model.
void eraseDeadTransposes(mlir::Operation *root);

/// Attention behind which the heads lie side by side in the channels of a value.
struct AttentionValues {
  /// [.., heads * size], as the values are produced.
  mlir::Value value;
  int64_t queryHeads = 1, valueHeads = 1, headSize = 0;
  /// Why transforms of the result do not move to `value`; empty if nothing does.
  std::string problem;
};
/// The attention that computes `value`; nothing if something else does.
std::optional<AttentionValues> findAttentionValues(mlir::Value value);

} // namespace qllm

#endif // QLLM_DIALECT_QLLM_TRANSFORMS_FOLDINTOPRODUCERS_H
