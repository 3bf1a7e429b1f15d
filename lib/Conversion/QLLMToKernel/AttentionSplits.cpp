// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The best number for each target, and the greatest of them: an operation has one.

#include "AttentionSplits.h"

#include "mlir/IR/Diagnostics.h"
#include "qllm/Dialect/Kernel/IR/TargetNames.h"
#include "qllm/Kernels/SplitChoice.h"

using namespace mlir;
using namespace qllm;

FailureOr<SplitPolicy> SplitPolicy::read(Location loc, StringRef splits,
                                         ArrayRef<std::string> targets, int64_t rows,
                                         int64_t length) {
  SplitPolicy policy;
  if (splits != "auto") {
    if (splits.getAsInteger(10, policy.given) || policy.given < 1 || policy.given > 64)
      return emitError(loc) << "expected 1 to 64 splits or auto, but got '" << splits << "'";
    return policy;
  }
  policy.given = 0;
  FailureOr<SmallVector<const kernels::Target *>> found = qk::parseTargets(loc, targets);
  if (failed(found))
    return failure();
  if (rows < 1 || length < rows)
    return emitError(loc) << "expected rows of a sequence of at least as many tokens, to choose "
                             "splits for, but got "
                          << rows << " and " << length;
  policy.targets = *found;
  policy.rows = rows;
  policy.length = length;
  return policy;
}

/// The best number beside one split, or the next beside that.
static std::string explain(ArrayRef<kernels::SplitCost> costs) {
  const kernels::SplitCost &best = costs.front();
  const kernels::SplitCost &whole =
      *llvm::find_if(costs, [](const kernels::SplitCost &cost) { return cost.splits == 1; });
  std::string text = best.str();
  if (best.splits != 1)
    text += "; without: " + whole.str();
  else if (costs.size() > 1)
    text += "; next best: " + costs[1].str();
  std::string tiles =
      whole.blocks == 1 ? "is 1 tile" : "are " + std::to_string(whole.blocks) + " tiles";
  return text + ", as there " + tiles + " for " + std::to_string(best.multiprocessors) +
         " multiprocessors";
}

ChosenSplits qllm::chooseSplits(kernels::AttentionKernel kernel, const SplitPolicy &policy) {
  if (policy.given != 0)
    return {policy.given, "given"};
  kernel.splits = 1;
  if (FormatStatus status = kernel.verify(); !status)
    return {1, status.message()};
  ChosenSplits chosen;
  for (const kernels::Target *target : policy.targets) {
    std::vector<kernels::SplitCost> costs =
        kernels::chooseSplits(kernel, *target, policy.rows, policy.length);
    chosen.splits = std::max(chosen.splits, costs.front().splits);
    chosen.explanation += (chosen.explanation.empty() ? "" : "; ") + std::string(target->name) +
                          ": " + explain(costs);
  }
  return chosen;
}
