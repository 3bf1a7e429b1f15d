// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The residual stream: values that sums connect, who writes them and who reads them.

#ifndef QLLM_LIB_TRANSFORMS_CHANNELS_RESIDUALSTREAM_H
#define QLLM_LIB_TRANSFORMS_CHANNELS_RESIDUALSTREAM_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SetVector.h"
#include <vector>

namespace qllm {

struct ResidualStream {
  /// In no particular order but a fixed one.
  llvm::SetVector<mlir::Value> values;
  /// Values of the stream that are no sum of others.
  llvm::SmallVector<mlir::Value> writers;
  /// Uses that are no sums.
  llvm::SmallVector<mlir::OpOperand *> readers;

  int64_t channels() const;
  /// Whether something reads it through a layer normalization.
  bool hasLayerNorm() const;
};

/// The streams that norms read, in the order of their first norm.
std::vector<ResidualStream> findResidualStreams(mlir::Operation *root);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_CHANNELS_RESIDUALSTREAM_H
