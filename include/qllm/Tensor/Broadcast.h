// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Multidirectional broadcasting as loops over contiguous or repeated runs.

#ifndef QLLM_TENSOR_BROADCAST_H
#define QLLM_TENSOR_BROADCAST_H

#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Tensor.h"
#include <array>

namespace qllm {

/// The shape that all the shapes broadcast to, or nothing when two of them disagree.
std::optional<Shape> broadcastShape(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes);

/// How to walk up to three operands that broadcast to one shape: neighbouring dimensions that all
/// operands treat alike are merged, so that the inner run is as long as can be. In it each operand
/// advances by 1 or stands still.
class BroadcastLoop {
public:
  static constexpr unsigned maxOperands = 3;
  using Offsets = std::array<int64_t, maxOperands>;

  /// The shapes must broadcast to `result`.
  BroadcastLoop(llvm::ArrayRef<int64_t> result, llvm::ArrayRef<llvm::ArrayRef<int64_t>> operands);

  /// Whether operand i advances in the inner run; otherwise one element serves the whole run.
  bool advances(unsigned i) const { return innerStride[i] != 0; }

  /// Calls `body(outOffset, operandOffsets, count)` for runs that together cover the result once,
  /// in parallel.
  void run(ThreadPool &pool,
           llvm::function_ref<void(int64_t, const Offsets &, int64_t)> body) const;

private:
  Shape outer;                                    // sizes of the dimensions around the inner run
  std::array<Shape, maxOperands> strides;         // per operand, along `outer`
  std::array<int64_t, maxOperands> innerStride{}; // 0 or 1
  int64_t inner = 1;
  unsigned operandCount;
};

} // namespace qllm

#endif // QLLM_TENSOR_BROADCAST_H
