// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of the qk dialect.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELOPS_H
#define QLLM_DIALECT_KERNEL_IR_KERNELOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"

namespace qllm::qk {

/// The schedule for a target, of several that for any number of rows; null where there is none.
ScheduleAttr scheduleOn(mlir::Attribute schedules, llvm::StringRef target);

/// Schedules for at most so many rows, or for any number in the last entry: one for all targets, or
/// a dictionary.
struct RowSchedules {
  int64_t maxRows;
  mlir::Attribute schedules;
};
/// The schedules of an operation apart, by ascending numbers of rows. They must be verified.
llvm::SmallVector<RowSchedules> schedulesByRows(mlir::Attribute schedules);

} // namespace qllm::qk

#include "qllm/Dialect/Kernel/IR/KernelInterfaces.h.inc"
#define GET_OP_CLASSES
#include "qllm/Dialect/Kernel/IR/KernelOps.h.inc"

#endif // QLLM_DIALECT_KERNEL_IR_KERNELOPS_H
