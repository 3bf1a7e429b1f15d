// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The steps of qk.quantize, each where the operation wants it.

#include "EmitQuantize.h"

#include "RowQuantizer.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

void emitRow(CodeBuilder &code, QuantizeOp op, const KernelFunction &arguments, RowThreads &threads,
             const kernels::QuantizeKernel &kernel) {
  FloatRow row(code, threads, kernel);
  row.load(arguments[op.getInput()]);
  if (op.getResidual())
    row.addResidual(arguments[op.getResidual()], arguments[op.getStream()]);
  if (op.getNorm())
    row.normalize({op.getNorm() == NormKind::Layer, op.getEpsilon()->convertToFloat(),
                   arguments[op.getNormWeight()], arguments[op.getNormBias()]});
  if (op.getGate())
    row.gate(arguments[op.getGate()]);
  if (Value index = op.getIndex()) {
    auto type = cast<RankedTensorType>(index.getType());
    row.gather(arguments[index], type.getRank() == 2 ? type.getDimSize(0) : 1, kernel.innerColumns);
  }
  if (op.getMultiply())
    row.multiply(arguments[op.getMultiply()]);
  if (op.getAdd())
    row.add(arguments[op.getAdd()]);
  if (op.getHadamard())
    row.rotate(kernel.hadamard);
  if (op.getPrincipal())
    row.takeOff({arguments[op.getPrincipal()], arguments[op.getPrincipalScales()],
                 arguments[op.getPartCodes()], arguments[op.getPartScales()]});
  if (op.getSplitIndex()) {
    row.gather(arguments[op.getSplitIndex()], /*sources=*/1, kernel.resultColumns);
    row.multiply(arguments[op.getSplitFactors()]);
  }
  emitRowQuantizer(code, threads, kernel, row,
                   {arguments[op.getCodes()], arguments[op.getScales()],
                    arguments[op.getZeroPoints()], arguments[op.getSums()],
                    arguments[op.getRoundingOffsets()], op.getIncludeZero(), op.getRangeClip()});
}

} // namespace

LogicalResult qllm::verifyQuantize(QuantizeOp op, const kernels::Target &target) {
  if (FormatStatus status = op.getKernel().verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitQuantize(OpBuilder &builder, QuantizeOp op, StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  Location loc = op.getLoc();
  kernels::QuantizeKernel kernel = op.getKernel();
  KernelFunction arguments(builder, op, name, kernel.threads());
  CodeBuilder code(builder, loc);
  Value shared = LLVM::AddressOfOp::create(
      builder, loc, LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace), sharedName);
  RowThreads threads(code, kernel, shared);
  code.when(code.less(threads.row, arguments.size(0)),
            [&] { emitRow(code, op, arguments, threads, kernel); });
  LLVM::ReturnOp::create(builder, loc, ValueRange());
}
