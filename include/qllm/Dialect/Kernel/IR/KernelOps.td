// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All operations of the dialect.

#ifndef QLLM_DIALECT_KERNEL_IR_KERNELOPS_TD
#define QLLM_DIALECT_KERNEL_IR_KERNELOPS_TD

include "qllm/Dialect/Kernel/IR/KernelAttentionOps.td"
include "qllm/Dialect/Kernel/IR/KernelBlockScaledOps.td"
include "qllm/Dialect/Kernel/IR/KernelInstructionOps.td"
include "qllm/Dialect/Kernel/IR/KernelLaunchOps.td"
include "qllm/Dialect/Kernel/IR/KernelLinearOps.td"
include "qllm/Dialect/Kernel/IR/KernelQuantizeBlocksOps.td"
include "qllm/Dialect/Kernel/IR/KernelQuantizeOps.td"
include "qllm/Dialect/Kernel/IR/KernelWeightOps.td"
include "qllm/Dialect/Kernel/IR/KernelWeightOnlyOps.td"

#endif // QLLM_DIALECT_KERNEL_IR_KERNELOPS_TD
