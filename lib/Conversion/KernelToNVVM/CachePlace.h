// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where in a paged cache a chunk of tokens lies.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_CACHEPLACE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_CACHEPLACE_H

#include "CodeBuilder.h"
#include "qllm/Kernels/KVCache.h"

namespace qllm {

/// The address of chunk number `chunk` of the sequence, of one head.
inline mlir::Value chunkAddress(CodeBuilder &code, const kernels::KVCache &cache,
                                mlir::Value pointer, mlir::Value pages, mlir::Value head,
                                mlir::Value chunk) {
  mlir::Value entry = code.advance(pages, code.multiply(code.divide(chunk, cache.chunks()), 4));
  mlir::Value page = code.loadConstant(code.i32(), entry, 4);
  // In 32 bits, for the register that a longer head would take: 2^31 rows are more than a terabyte.
  mlir::Value row = code.extend64(code.add(code.multiply(page, cache.heads), head));
  mlir::Value inPage = code.multiply(code.remainder(chunk, cache.chunks()), cache.chunkBytes());
  return code.advance(code.advance(pointer, code.multiply(row, code.constant64(cache.pageBytes()))),
                      inPage);
}

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_CACHEPLACE_H
