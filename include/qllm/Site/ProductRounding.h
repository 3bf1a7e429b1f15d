// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One linear layer of a site rounded: here, or as a task in another process.

#ifndef QLLM_SITE_PRODUCTROUNDING_H
#define QLLM_SITE_PRODUCTROUNDING_H

#include "qllm/Solver/Rounding.h"
#include "qllm/Support/Bytes.h"

namespace qllm {

class TaskRunner;

/// What the layers of a site share.
struct RoundingInputs {
  RangeOptions range;
  RoundingOptions rounding;
  /// x^T x of the quantized input; empty unless the ranges need it.
  MatrixD hessian;
  /// Of GPTQ; empty for nearest.
  GPTQFactor factor;
  /// H with its damping, for sweeps behind GPTQ; empty without any.
  MatrixF damped;

  /// Whether rounding a weight takes long beside sending it.
  bool isLongWork() const {
    return rounding.method == RoundingMethod::GPTQ || range.method != RangeMethod::MinMax;
  }
};

/// A weight [outputs, channels] and the format that it gets.
struct ProductToRound {
  MatrixF weight;
  RowFormat format;
};

llvm::Expected<RoundedMatrix> roundProduct(ThreadPool &pool, const RoundingInputs &inputs,
                                           const ProductToRound &product);

/// The same for several by tasks of `runner`, one each. The results are those of `roundProduct`.
llvm::Expected<std::vector<RoundedMatrix>> roundElsewhere(TaskRunner &runner,
                                                          const RoundingInputs &inputs,
                                                          llvm::ArrayRef<ProductToRound> products);

/// What runTask does with such a task. Fails on other bytes.
llvm::Expected<std::string> runRoundingTask(llvm::ArrayRef<char> inputs, ByteReader &task,
                                            ThreadPool &pool);

} // namespace qllm

#endif // QLLM_SITE_PRODUCTROUNDING_H
