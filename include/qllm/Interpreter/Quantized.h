// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The run-time value of `!qllm.quantized`.

#ifndef QLLM_INTERPRETER_QUANTIZED_H
#define QLLM_INTERPRETER_QUANTIZED_H

#include "qllm/Format/Quantize.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Tensor.h"
#include <mutex>

namespace qllm::interp {

/// How a tensor is cut into groups that share a scale: split one axis, move what a group runs over
/// to the end, and groups are consecutive runs in the order of the scales.
struct GroupLayout {
  Shape split;
  Shape permutation;
  Shape scaleShape;
  int64_t groupSize = 1;
  int64_t groups = 0;
};

/// One code per element (a byte each, extended as its format says), and the parameters of each
/// group.
struct QuantizedTensor {
  QuantizeSpec spec;
  GroupLayout layout;
  Tensor codes;
  /// In the encoding of the type; `scaleValues` has them as f32.
  Tensor scales;
  /// i32; null when the format has none.
  Tensor zeroPoints;
  float tensorScale = 1;
  /// Keeps what `values` computes: for weights, whose every use would compute it again.
  mutable bool keepsValues = false;

  /// The real values in f32. Computed in parallel.
  llvm::Expected<Tensor> values(ThreadPool &pool) const;
  /// Rows of a two-dimensional tensor in f32; quick where groups do not cross rows.
  llvm::Expected<Tensor> rows(ThreadPool &pool, llvm::ArrayRef<int64_t> indices) const;
  llvm::Expected<Tensor> scaleValues() const;
  /// Bytes that would be freed with this value, the kept real values included.
  size_t ownedBytes() const;

private:
  mutable std::mutex mutex;
  mutable Tensor kept;
};

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_QUANTIZED_H
