// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of floats and packed weights.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERWEIGHTONLY_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERWEIGHTONLY_H

#include "ConstantValues.h"
#include "KernelSchedules.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// The schedules of the kernel that a product of a float input and a packed integer weight would
/// become, or why there is none. Changes nothing.
ChosenSchedules chooseWeightOnly(LinearOp op, const SchedulePolicy &policy, mlir::FloatType half,
                                 ConstantValues &constants);

/// Replaces a product of a float input and a packed integer weight by a kernel on inputs of type
/// `half`, to which they are rounded; null for no kernels of this kind. Returns whether it did;
/// `explanation` says why with this schedule, or why not.
bool lowerWeightOnly(LinearOp op, const SchedulePolicy &policy, mlir::FloatType half,
                     ConstantValues &constants, std::string &explanation);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERWEIGHTONLY_H
