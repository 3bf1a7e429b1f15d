// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules of blocks that work alone, all warps of which do the same.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_PLAINSCHEDULE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_PLAINSCHEDULE_H

#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// The schedule for the target out of an operation's schedules. Null, with an error at the
/// operation, where it has none, or one with clusters or producers.
qk::ScheduleAttr findPlainSchedule(mlir::Operation *op, mlir::Attribute schedules,
                                   const kernels::Target &target, bool producers = false);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_PLAINSCHEDULE_H
