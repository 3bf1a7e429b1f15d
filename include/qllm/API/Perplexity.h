// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Perplexity by the protocol of all our figures: windows at equal spacing over a text.

#ifndef QLLM_API_PERPLEXITY_H
#define QLLM_API_PERPLEXITY_H

#include "qllm/Interpreter/Evaluate.h"
#include "qllm/Support/RunListener.h"

namespace qllm::api {

struct PerplexityOptions {
  int64_t windows = 24;
  /// Tokens of a window.
  int64_t length = 512;
  std::string function = "main";
  /// 0 takes one per core.
  unsigned threads = 0;
};

/// The losses of each window of `tokens`. `listener`, which may be null, hears of every window.
/// Failures are emitted as diagnostics.
llvm::LogicalResult measureLosses(mlir::ModuleOp module, llvm::ArrayRef<int64_t> tokens,
                                  const PerplexityOptions &options, RunListener *listener,
                                  std::vector<interp::Loss> &losses);

interp::Loss sum(llvm::ArrayRef<interp::Loss> losses);

} // namespace qllm::api

#endif // QLLM_API_PERPLEXITY_H
