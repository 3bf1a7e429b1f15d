// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms in front of a quantizer, as the table that its kernel reads.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_CHANNELTABLE_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_CHANNELTABLE_H

#include "ConstantValues.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// y[j] = (sum over the sources i of j of x[i]) * factors[j] + offsets[j], and then y H in blocks
/// of `hadamard` channels.
struct ChannelTable {
  mlir::Value input;                         ///< x, of any rank; channels are its last axis
  int64_t columns = 0;                       ///< channels of x
  std::vector<std::vector<int32_t>> sources; ///< of each channel of y
  std::vector<float> factors, offsets;       ///< of each channel of y
  int64_t hadamard = 1;

  bool gathers() const;
  /// Repeats the last channels until there are `count`: they change no range. With a rotation these
  /// are whole blocks, so the number of missing channels has to be a multiple of its size.
  void repeatUpTo(int64_t count);
};

/// The longest run of transforms behind each other that ends in `x` and is such a table; nobody
/// else reads what is between them, and `readers` operations read `x`. Without any, the table is
/// that of the identity.
ChannelTable matchChannels(mlir::Value x, ConstantValues &constants, int64_t readers = 1);

/// A vector with its last `period` elements repeated up to `count` of them.
template <typename T> void repeatLast(std::vector<T> &values, int64_t period, int64_t count) {
  while (int64_t(values.size()) < count)
    values.push_back(T(values[values.size() - size_t(period)]));
}

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_CHANNELTABLE_H
