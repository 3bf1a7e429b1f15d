// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Schedules of one target or of several.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_SCHEDULES_H
#define QLLM_LIB_DIALECT_KERNEL_IR_SCHEDULES_H

#include "qllm/Dialect/Kernel/IR/KernelDialect.h"

namespace qllm::qk {

/// `verify` for each schedule of an operation. Lists must ascend in `max_rows` and end with a
/// schedule for any number of rows; a dictionary must have the same numbers for each of some known
/// targets.
mlir::LogicalResult verifySchedules(mlir::Operation *op, mlir::Attribute schedules,
                                    llvm::function_ref<mlir::LogicalResult(ScheduleAttr)> verify);

/// An entry of a dictionary by target: its name is a target's and its value a `Kind`.
template <typename Kind>
mlir::LogicalResult verifyByTarget(mlir::Operation *op, mlir::DictionaryAttr dictionary,
                                   llvm::StringRef what,
                                   llvm::function_ref<mlir::LogicalResult(Kind)> verify) {
  if (dictionary.empty())
    return op->emitOpError() << "expected " << what << " for at least one target, but got none";
  for (mlir::NamedAttribute entry : dictionary) {
    if (!kernels::findTarget(entry.getName().strref()))
      return op->emitOpError() << "expected targets out of " << kernels::listTargets()
                               << ", but got '" << entry.getName().strref() << "'";
    auto value = llvm::dyn_cast<Kind>(entry.getValue());
    if (!value)
      return op->emitOpError() << "expected " << what << " for " << entry.getName().strref()
                               << ", but got " << entry.getValue();
    if (mlir::failed(verify(value)))
      return mlir::failure();
  }
  return mlir::success();
}

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_SCHEDULES_H
