// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs and what they add up to.

#include "FloatSums.h"

using namespace mlir;
using namespace qllm;

SmallVector<Value> FloatSums::start() {
  return SmallVector<Value>(leftBlocks * rightBlocks * 4, code.constant(0.0f));
}

void FloatSums::add(int64_t step, ArrayRef<Words> left, ArrayRef<Words> right,
                    llvm::function_ref<PairScales(int64_t, int64_t)> scalesOf) {
  int64_t stepsOfRun = kernel.runLength() / kernels::WeightOnlyKernel::stepDepth;
  if (kernel.isGrouped() && step % stepsOfRun == 0)
    run = start();
  SmallVector<Value> &into = kernel.isGrouped() ? run : sums;
  bool endsRun = kernel.isGrouped() && (step + 1) % stepsOfRun == 0;
  for (int64_t i = 0; i != leftBlocks; ++i)
    for (int64_t j = 0; j != rightBlocks; ++j) {
      size_t first = (i * rightBlocks + j) * 4;
      Words result =
          atom.multiplyAdd(code, left[i], right[j], ArrayRef<Value>(into).slice(first, 4));
      llvm::copy(result, into.begin() + first);
      if (!endsRun)
        continue;
      for (auto [word, scale] : llvm::enumerate(scalesOf(i, j)))
        sums[first + word] = code.multiplyAdd(result[word], scale, sums[first + word]);
    }
}
