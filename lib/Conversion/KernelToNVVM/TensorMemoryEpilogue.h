// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From sums in tensor memory to results.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_TENSORMEMORYEPILOGUE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_TENSORMEMORYEPILOGUE_H

#include "LinearPlace.h"
#include "ScaledResult.h"
#include "TensorMemoryAtom.h"

namespace qllm {

/// Four warps, each of which has the rows that lie in its lanes, load, finish and store the
/// `columns` of the tile. `sums` is their address. They must be there.
void emitTensorMemoryEpilogue(CodeBuilder &code, const LinearPlace &place, TensorMemoryAtom &atom,
                              ScaledResult result, mlir::Value sums, int64_t columns);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_TENSORMEMORYEPILOGUE_H
