// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function run several times side by side, once as it is and otherwise with noise in every
// operation: how far the results lie apart is what roundings do to them.
//
// This is Monte Carlo arithmetic: where an operation rounds, its result is multiplied by 1 + r u x,
// u the unit roundoff of its type and x drawn from [-1, 1]. Unlike a worst-case bound it follows
// what the function does to errors, so it stays meaningful over thirty layers.

#ifndef QLLM_VALIDATION_LANERUN_H
#define QLLM_VALIDATION_LANERUN_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Interpreter/OperationRunner.h"

namespace qllm {

/// What an SSA value holds in every lane, the first being without noise. Of several input sets the
/// lanes of one follow those of the other; lanes of one set alone serve all where inputs have no
/// part in a value, and a single element serves all lanes where noise has none either.
using Lanes = std::vector<interp::Value>;

/// The lanes of one input set.
Lanes lanesOfSet(const Lanes &lanes, size_t set, size_t lanesOfOne);

struct LaneOptions {
  /// With noise.
  unsigned noisy = 2;
  /// Sizes the noise.
  unsigned roundings = 1;
  uint64_t seed = 0;
};

/// Sees each operation's results after it ran.
using LaneObserver = std::function<void(mlir::Operation *, llvm::ArrayRef<Lanes>)>;

/// Runs a function of one block on each of `inputs`, all at once, so that what depends on weights
/// alone is computed once; `results` has an entry for each of its results. Operations that nothing
/// reads are left out. Failures are emitted as diagnostics.
llvm::LogicalResult runLanes(mlir::func::FuncOp function, interp::OperationRunner &runner,
                             llvm::ArrayRef<llvm::ArrayRef<interp::Value>> inputs,
                             const LaneOptions &options, llvm::SmallVectorImpl<Lanes> &results,
                             const LaneObserver &observer = {});

/// Half a unit in the last place of 1: the largest relative error of one rounding. 0 for other
/// types than floats.
double unitRoundoff(ElementType type);

} // namespace qllm

#endif // QLLM_VALIDATION_LANERUN_H
