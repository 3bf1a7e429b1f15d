// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules for kernels: forced, or chosen for each target.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_KERNELSCHEDULES_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_KERNELSCHEDULES_H

#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Kernels/BlockScaledKernel.h"
#include "qllm/Kernels/WeightOnlyKernel.h"

namespace qllm {

/// How schedules are found in one run of the pass.
struct SchedulePolicy {
  llvm::SmallVector<const kernels::Target *> targets;
  /// Ascending; the last stands for any number of rows above the one before it.
  llvm::SmallVector<int64_t> rows;
  qk::ScheduleAttr forced; ///< null to choose
};

/// A schedule, or a list of them by rows, or a dictionary of either for several targets; and what
/// led to it, or why there is none.
struct ChosenSchedules {
  mlir::Attribute schedules; ///< null: refused
  std::string explanation;
  /// By the model, of each number of rows on the first target, then on the next; none for a forced
  /// schedule.
  llvm::SmallVector<double> cycles = {};
};

/// `kernel` needs no schedule of its own.
ChosenSchedules chooseSchedules(mlir::MLIRContext *context, kernels::LinearKernel kernel,
                                const SchedulePolicy &policy);
ChosenSchedules chooseSchedules(mlir::MLIRContext *context, kernels::WeightOnlyKernel kernel,
                                const SchedulePolicy &policy);
ChosenSchedules chooseSchedules(mlir::MLIRContext *context, kernels::BlockScaledKernel kernel,
                                const SchedulePolicy &policy);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_KERNELSCHEDULES_H
