// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splits of attentions: given, or chosen for targets.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_ATTENTIONSPLITS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_ATTENTIONSPLITS_H

#include "mlir/IR/Location.h"
#include "qllm/Kernels/AttentionKernel.h"
#include "qllm/Kernels/Target.h"

namespace qllm {

/// How splits are found in one run of the pass.
struct SplitPolicy {
  int64_t given = 1; ///< 0 to choose by what follows
  llvm::SmallVector<const kernels::Target *> targets;
  int64_t rows = 1, length = 0;

  /// `splits` is a number or `auto`; the others are read only for the latter.
  static llvm::FailureOr<SplitPolicy> read(mlir::Location loc, llvm::StringRef splits,
                                           llvm::ArrayRef<std::string> targets, int64_t rows,
                                           int64_t length);
};

struct ChosenSplits {
  int64_t splits = 1;
  std::string explanation;
};

/// `kernel` needs no splits of its own.
ChosenSplits chooseSplits(kernels::AttentionKernel kernel, const SplitPolicy &policy);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_ATTENTIONSPLITS_H
