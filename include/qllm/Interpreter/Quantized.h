// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The run-time value of `!qllm.quantized`.

#ifndef QLLM_INTERPRETER_QUANTIZED_H
#define QLLM_INTERPRETER_QUANTIZED_H

#include "qllm/Format/Quantize.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Tensor.h"
#include <atomic>
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

/// Bytes that values kept from run to run may still take.
class KeepBudget {
public:
  explicit KeepBudget(size_t bytes) : left(bytes) {}
  /// Takes them, if there are so many left.
  bool take(size_t bytes) {
    size_t now = left;
    while (now >= bytes)
      if (left.compare_exchange_weak(now, now - bytes))
        return true;
    return false;
  }

private:
  std::atomic<size_t> left;
};

struct IntegerWeight;

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
  /// Set for weights, whose every use would compute the same again: what is computed from them is
  /// kept as long as this allows.
  mutable std::shared_ptr<KeepBudget> keepsWithin;

  /// The real values in f32. Computed in parallel.
  llvm::Expected<Tensor> values(ThreadPool &pool) const;
  /// Rows of a two-dimensional tensor in f32; quick where groups do not cross rows.
  llvm::Expected<Tensor> rows(ThreadPool &pool, llvm::ArrayRef<int64_t> indices) const;
  llvm::Expected<Tensor> scaleValues() const;
  /// Bytes of codes and parameters that would be freed with this value.
  size_t ownedBytes() const;

  /// The form that products of integers take; null when there is none.
  std::shared_ptr<const IntegerWeight> keptInteger() const;
  void keepInteger(std::shared_ptr<const IntegerWeight> weight) const;

private:
  bool mayKeep(size_t bytes) const { return keepsWithin && keepsWithin->take(bytes); }

  mutable std::mutex mutex;
  mutable Tensor kept;
  mutable std::shared_ptr<const IntegerWeight> integer;
};

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_QUANTIZED_H
