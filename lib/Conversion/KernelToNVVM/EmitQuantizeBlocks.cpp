// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qk.quantize_blocks: the steps of a row, and its blocks.

#include "EmitQuantizeBlocks.h"

#include "BlockQuantizer.h"
#include "SourceRow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult qllm::verifyQuantizeBlocks(QuantizeBlocksOp op, const kernels::Target &target) {
  if (FormatStatus status = op.getKernel().verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitQuantizeBlocks(OpBuilder &builder, QuantizeBlocksOp op, StringRef name,
                              StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  kernels::QuantizeKernel kernel = op.getKernel();
  KernelFunction arguments(builder, op, name, kernel.threads());
  if (kernel.wantsRegisters())
    giveAllRegisters(builder);
  CodeBuilder code(builder, op.getLoc());
  Value shared = LLVM::AddressOfOp::create(
      builder, op.getLoc(), LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace),
      sharedName);
  RowThreads threads(code, kernel, shared);
  BlockQuantization to = {arguments[op.getCodes()], arguments[op.getScales()],
                          arguments[op.getTensorScale()], op.getRangeClip(), arguments.size(0)};
  threads.forRows(arguments.size(0), [&] {
    FloatRow row = emitSourceRow(code, rowSourceOf(op), arguments, threads, kernel);
    emitBlockQuantizer(code, threads, kernel, row, to);
  });
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}
