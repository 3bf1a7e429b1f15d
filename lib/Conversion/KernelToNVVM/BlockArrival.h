// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a block learns that it is the last of several to be done.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKARRIVAL_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKARRIVAL_H

#include "CodeBuilder.h"

namespace qllm {

/// Counts this block's arrival; the arrivals before it, which all threads get. What a block stored
/// before it arrived is seen by those that arrive later. All threads of the block have to call it;
/// `shared` are four bytes of shared memory that nobody else uses until all of them did.
mlir::Value countArrival(CodeBuilder &code, mlir::Value counter, mlir::Value shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKARRIVAL_H
