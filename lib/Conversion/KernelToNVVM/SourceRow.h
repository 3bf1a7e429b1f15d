// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row as its operation reads it, with the steps in front of a range.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_SOURCEROW_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_SOURCEROW_H

#include "FloatRow.h"
#include "qllm/Dialect/Kernel/IR/RowSource.h"

namespace qllm {

/// The row that `threads` are at. A stream is stored on the way.
FloatRow emitSourceRow(CodeBuilder &code, const qk::RowSource &source,
                       const KernelFunction &arguments, RowThreads &threads,
                       const kernels::QuantizeKernel &kernel);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_SOURCEROW_H
