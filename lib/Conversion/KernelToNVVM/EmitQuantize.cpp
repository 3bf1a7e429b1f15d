// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of qk.quantize, each where the operation wants it.

#include "EmitQuantize.h"

#include "PrincipalRows.h"
#include "RowQuantizer.h"
#include "SourceRow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// What is left of a row in shared memory.
FloatRow emitBehind(CodeBuilder &code, QuantizeOp op, const KernelFunction &arguments,
                    RowThreads &threads, const kernels::QuantizeKernel &kernel) {
  FloatRow row(code, threads, kernel, kernel.resultColumns);
  if (!op.getSplitIndex()) {
    row.loadStaged();
    return row;
  }
  row.gatherStaged(arguments[op.getSplitIndex()]);
  row.multiply(arguments[op.getSplitFactors()]);
  return row;
}

void emitRows(CodeBuilder &code, QuantizeOp op, const KernelFunction &arguments,
              RowThreads &threads, const kernels::QuantizeKernel &kernel) {
  RowQuantization to = {
      arguments[op.getCodes()], arguments[op.getScales()],          arguments[op.getZeroPoints()],
      arguments[op.getSums()],  arguments[op.getRoundingOffsets()], op.getIncludeZero(),
      op.getRangeClip()};
  RowSource source = rowSourceOf(op);
  Value count = arguments.size(0);
  if (!op.getPrincipal())
    return threads.forRows(count, [&] {
      FloatRow row = emitSourceRow(code, source, arguments, threads, kernel);
      emitRowQuantizer(code, threads, kernel, row, to);
    });
  PrincipalRows principal(code, threads, kernel,
                          {arguments[op.getPrincipal()], arguments[op.getPrincipalTransposed()],
                           arguments[op.getPrincipalScales()], arguments[op.getPartCodes()],
                           arguments[op.getPartScales()]},
                          count);
  threads.forRows(count, [&] {
    FloatRow row = emitSourceRow(code, source, arguments, threads, kernel);
    principal.stage(row);
  });
  principal.takeOff();
  threads.forRows(count, [&] {
    FloatRow row = emitBehind(code, op, arguments, threads, kernel);
    emitRowQuantizer(code, threads, kernel, row, to);
  });
}

} // namespace

LogicalResult qllm::verifyQuantize(QuantizeOp op, const kernels::Target &target) {
  if (FormatStatus status = op.getKernel().verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitQuantize(OpBuilder &builder, QuantizeOp op, const kernels::Target &target,
                        StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  kernels::QuantizeKernel kernel = op.getKernelOn(target);
  KernelFunction arguments(builder, op, name, kernel.threads());
  if (kernel.wantsRegisters())
    giveAllRegisters(builder);
  CodeBuilder code(builder, loc);
  Value shared = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), sharedName);
  RowThreads threads(code, kernel, shared);
  emitRows(code, op, arguments, threads, kernel);
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}
