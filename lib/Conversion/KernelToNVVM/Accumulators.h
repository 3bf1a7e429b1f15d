// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How sums of products are held in the loop.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ACCUMULATORS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ACCUMULATORS_H

#include "LinearPlace.h"
#include "OperandReader.h"

#include <memory>

namespace qllm {

/// All sums of the warp's part: four for each block of 16 rows and 8 columns, rows of blocks first.
class Accumulators {
public:
  virtual ~Accumulators() = default;

  /// What the loop begins with.
  virtual llvm::SmallVector<mlir::Value> start() = 0;
  /// Steps whose fragments are wanted at a time.
  virtual int64_t stepsAtATime() const { return 1; }
  /// The body of the loop begins: `carried` are the sums so far, `tile` counts tiles of the depth.
  virtual void beginTile(mlir::ValueRange carried, mlir::Value tile) {
    sums.assign(carried.begin(), carried.end());
  }
  /// Adds the products of steps; `first` counts the steps of the tile.
  virtual void add(int64_t first, llvm::ArrayRef<StepFragments> left,
                   llvm::ArrayRef<StepFragments> right) = 0;
  /// The sums now.
  llvm::ArrayRef<mlir::Value> getSums() const { return sums; }

protected:
  llvm::SmallVector<mlir::Value> sums;
};

/// One exact integer over the whole depth.
std::unique_ptr<Accumulators> accumulateWhole(CodeBuilder &code, const LinearPlace &place,
                                              const MmaAtom &atom);
/// An exact integer over each group, 2^scaleLog2 times the sum of products, which is multiplied by
/// the group's scales and added to a float. Inputs' zero points of groups are taken off before.
std::unique_ptr<Accumulators>
accumulateGroups(CodeBuilder &code, LinearPlace &place, const MmaAtom &atom,
                 const kernels::LinearKernel &kernel, kernels::Accumulator accumulator,
                 const LinearArguments &arguments, unsigned scaleLog2);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ACCUMULATORS_H
