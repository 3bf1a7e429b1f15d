// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qk dialect and its attributes; operations are in KernelOps.h.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_H
#define QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_H

#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "qllm/Dialect/Kernel/IR/KernelEnums.h.inc"
#include "qllm/Kernels/AttentionKernel.h"
#include "qllm/Kernels/BlockScaledKernel.h"
#include "qllm/Kernels/LinearKernel.h"
#include "qllm/Kernels/QuantizeKernel.h"
#include "qllm/Kernels/Target.h"
#include "qllm/Kernels/WeightLayout.h"
#include "qllm/Kernels/WeightOnlyKernel.h"
#include "llvm/ADT/Hashing.h"

namespace qllm::kernels {

/// Digits are part of a uniqued attribute.
inline llvm::hash_code hash_value(const LayoutDigit &digit) {
  return llvm::hash_combine(digit.axis, digit.size, digit.stride);
}

} // namespace qllm::kernels

#include "qllm/Dialect/Kernel/IR/KernelDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "qllm/Dialect/Kernel/IR/KernelAttrs.h.inc"

#endif // QLLM_DIALECT_KERNEL_IR_KERNELDIALECT_H
