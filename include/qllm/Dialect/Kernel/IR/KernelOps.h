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

/// The schedule for a target out of a schedule for all of them or a dictionary; null where there is
/// none.
ScheduleAttr scheduleOn(mlir::Attribute schedules, llvm::StringRef target);

} // namespace qllm::qk

#include "qllm/Dialect/Kernel/IR/KernelInterfaces.h.inc"
#define GET_OP_CLASSES
#include "qllm/Dialect/Kernel/IR/KernelOps.h.inc"

#endif // QLLM_DIALECT_KERNEL_IR_KERNELOPS_H
