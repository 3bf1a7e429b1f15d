// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A table of channels as operands of a kernel.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_TABLEOPERANDS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_TABLEOPERANDS_H

#include "ChannelTable.h"

namespace qllm {

/// What says what is done to channels; null where nothing is.
struct TableOperands {
  mlir::Value index, multiply, add;
};

TableOperands tableOperands(mlir::OpBuilder &builder, mlir::Location loc,
                            const ChannelTable &table);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_TABLEOPERANDS_H
