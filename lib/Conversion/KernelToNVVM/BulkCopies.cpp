// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async.bulk and cp.async.bulk.tensor.

#include "BulkCopies.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

/// Shared memory of this block as a part of its cluster's.
static Value inCluster(CodeBuilder &code, Value shared) {
  auto type = LLVM::LLVMPointerType::get(code.getBuilder().getContext(), clusterSpace);
  return LLVM::AddrSpaceCastOp::create(code.getBuilder(), code.getLoc(), type, shared);
}

void qllm::copyBox(CodeBuilder &code, Value map, Value column, Value row, Value to, Value barrier,
                   int64_t blocks) {
  Value mask = blocks == 1 ? Value() : code.constant16((int64_t{1} << blocks) - 1);
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      code.getBuilder(), code.getLoc(), inCluster(code, to), map, ValueRange{column, row}, barrier,
      ValueRange(), mask, /*l2CacheHint=*/Value(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
      NVVM::CTAGroupKindAttr(), Value());
}

void qllm::copyBytes(CodeBuilder &code, Value from, Value bytes, Value to, Value barrier) {
  NVVM::CpAsyncBulkGlobalToSharedClusterOp::create(
      code.getBuilder(), code.getLoc(), inCluster(code, to), from, barrier, bytes,
      /*multicastMask=*/Value(), /*l2CacheHint=*/Value());
}
