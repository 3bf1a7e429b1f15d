// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where queries, keys and values are read, whatever the exporter made of attention.

#ifndef QLLM_ANALYSIS_ATTENTIONSITES_H
#define QLLM_ANALYSIS_ATTENTIONSITES_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace qllm {

/// One operand that is a query, key or value. Its last axis is the channels of one head, unless
/// `heads` says that several heads lie side by side in it.
struct AttentionOperand {
  mlir::OpOperand *operand = nullptr;
  int64_t heads = 1;
};

/// One attention: its three operands, or why they were not found.
struct AttentionSite {
  mlir::Operation *op = nullptr;
  llvm::SmallVector<AttentionOperand, 3> operands;
  std::string problem;
};

/// All attentions below `root`: attention operators, and softmax between two products of computed
/// values.
llvm::SmallVector<AttentionSite> findAttention(mlir::Operation *root);

} // namespace qllm

#endif // QLLM_ANALYSIS_ATTENTIONSITES_H
