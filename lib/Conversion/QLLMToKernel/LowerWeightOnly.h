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
/// become, with the wide product of a low-rank branch if there is one, or why there is none. Inputs
/// are rounded to `half`; null for no kernels of this kind. Changes nothing.
ChosenSchedules chooseWeightOnly(LinearOp op, LinearOp wide, const SchedulePolicy &policy,
                                 mlir::FloatType half, ConstantValues &constants);

/// Replaces such a product by a kernel with the schedules that were chosen, and with it the wide
/// product and what adds that.
void lowerWeightOnly(LinearOp op, LinearOp wide, mlir::Attribute schedules, mlir::FloatType half,
                     ConstantValues &constants);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERWEIGHTONLY_H
