// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows rounded to the values of a quantized type and back, as the search needs them.

#ifndef QLLM_LIB_TRANSFORMS_REASSEMBLY_ROWROUNDING_H
#define QLLM_LIB_TRANSFORMS_REASSEMBLY_ROWROUNDING_H

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

/// Replaces rows [first, first + count) by what `type` keeps of them, with ranges of their own. A
/// null type keeps everything. Fails on values that have no code.
llvm::Error roundRows(ThreadPool &pool, MatrixF &matrix, int64_t first, int64_t count,
                      QuantizedType type);

/// Whether repeating or dropping a column can change the codes of others only through the row's
/// range.
bool hasRangePerRow(QuantizedType type);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_REASSEMBLY_ROWROUNDING_H
