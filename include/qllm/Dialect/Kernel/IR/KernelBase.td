// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the definitions of all kernels begin with.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELBASE_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELBASE_TD

include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/CommonTypeConstraints.td"
include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "qllm/Dialect/Kernel/IR/KernelAttrs.td"
include "qllm/Dialect/Kernel/IR/KernelInterfaces.td"

class Kernel_Op<string mnemonic, list<Trait> traits = []>
    : Op<Kernel_Dialect, mnemonic, !listconcat([Pure], traits)>;

/// One schedule, or several by the number of rows; the same for all targets, or for each.
def Kernel_Schedules : AnyAttrOf<[Kernel_ScheduleAttr, ArrayAttr, DictionaryAttr],
    "a schedule, a list of schedules by `max_rows`, or a dictionary of these by target">;

#endif // QLLM_DIALECT_KERNEL_IR_KERNELBASE_TD
