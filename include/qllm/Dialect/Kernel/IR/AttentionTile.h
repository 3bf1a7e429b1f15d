// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an operation to the tile that a block of its kernel computes.

#ifndef QLLM_DIALECT_KERNEL_IR_ATTENTIONTILE_H
#define QLLM_DIALECT_KERNEL_IR_ATTENTIONTILE_H

#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Kernels/AttentionTile.h"

namespace qllm::qk {

/// The tile of a verified operation; smaller where its number of queries is known to be.
kernels::AttentionTile tileOf(AttentionOp op);

} // namespace qllm::qk

#endif // QLLM_DIALECT_KERNEL_IR_ATTENTIONTILE_H
