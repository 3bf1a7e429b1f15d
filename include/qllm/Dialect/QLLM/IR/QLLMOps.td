// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything in the qllm dialect. The families keep their own files.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMOPS_TD
#define QLLM_DIALECT_QLLM_IR_QLLMOPS_TD

include "qllm/Dialect/QLLM/IR/QLLMChannelOps.td"
include "qllm/Dialect/QLLM/IR/QLLMLinearOps.td"
include "qllm/Dialect/QLLM/IR/QLLMQuantizeOps.td"

#endif // QLLM_DIALECT_QLLM_IR_QLLMOPS_TD
