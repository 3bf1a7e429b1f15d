// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qk.tensor_scale: rows leave their largest magnitudes in memory, of which the last block makes
// one.

#include "BlockArrival.h"
#include "BlockQuantizer.h"
#include "EmitQuantizeBlocks.h"
#include "FloatMath.h"
#include "SourceRow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "qllm/Format/Quantize.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

class TensorScaleEmitter {
public:
  TensorScaleEmitter(OpBuilder &builder, TensorScaleOp op, StringRef name, StringRef sharedName)
      : op(op), kernel(op.getKernel()), arguments(builder, op, name, kernel.threads()),
        code(builder, op.getLoc()),
        shared(LLVM::AddressOfOp::create(
            builder, op.getLoc(), LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace),
            sharedName)),
        threads(code, kernel, shared) {
    if (kernel.wantsRegisters())
      giveAllRegisters(builder);
  }

  void emit();

private:
  void storeRow();
  void finish();
  Value scaleOf(Value magnitude);
  Value address(Buffer buffer, Value index) {
    return code.advance(buffer.pointer, code.multiply(code.extend64(index), code.constant64(4)));
  }

  TensorScaleOp op;
  kernels::QuantizeKernel kernel;
  KernelFunction arguments;
  CodeBuilder code;
  Value shared;
  RowThreads threads;
};

} // namespace

/// Magnitudes are ordered as their bits are.
void TensorScaleEmitter::storeRow() {
  FloatRow row = emitSourceRow(code, rowSourceOf(op), arguments, threads, kernel);
  Value zero = code.constant(int64_t(0)), largest = zero;
  for (int64_t piece = 0; piece != row.pieces(); ++piece) {
    Value bits = largestMagnitude(code, row.piece(piece));
    if (Value inside = threads.inside(piece, kernel.resultColumns))
      bits = code.select(inside, bits, zero);
    largest = code.maximum(largest, bits);
  }
  largest = threads.combine(Combine::Maximum, largest);
  code.when(code.isEqual(threads.thread, zero), [&] {
    code.store(code.bitsToFloat(largest), address(arguments[op.getRowMaxima()], threads.row), 4);
  });
}

Value TensorScaleEmitter::scaleOf(Value magnitude) {
  constexpr float largestOfScales = 6 * 448, smallest = 0x1p-100f;
  Value range = clippedMagnitude(code, magnitude, op.getRangeClip(), maxRangeMagnitude);
  return floats::maximum(code, floats::divide(code, range, code.constant(largestOfScales)),
                         code.constant(smallest));
}

/// In the last block: the largest of all rows, over threads and then over warps.
void TensorScaleEmitter::finish() {
  Value zero = code.constant(int64_t(0));
  Buffer maxima = arguments[op.getRowMaxima()];
  Value largest = code.repeat(threads.threadOfBlock, arguments.size(0), kernel.threads(), zero,
                              [&](Value index, mlir::ValueRange carried) {
                                Value bits = code.load(code.i32(), address(maxima, index), 4);
                                return SmallVector<Value>{code.maximum(carried[0], bits)};
                              })[0];
  largest = threads.combineWarp(Combine::Maximum, largest);
  code.when(code.isEqual(threads.lane, zero), [&] {
    code.store(largest, code.advance(shared, code.multiply(threads.warpOfBlock, 4)), 4);
  });
  threads.synchronizeBlock();
  code.when(code.isEqual(threads.threadOfBlock, zero), [&] {
    Value all = code.load(code.i32(), shared, 4);
    for (int64_t warp = 1; warp != kernel.warps(); ++warp)
      all = code.maximum(all, code.load(code.i32(), code.advance(shared, warp * 4), 4));
    code.store(scaleOf(code.bitsToFloat(all)), arguments[op.getScale()].pointer, 4);
    // Ready for the next run.
    code.store(zero, arguments[op.getArrivals()].pointer, 4);
  });
}

void TensorScaleEmitter::emit() {
  OpBuilder &builder = code.getBuilder();
  threads.forRows(arguments.size(0), [&] { storeRow(); });
  Value blocks = code.rowBlocks();
  // Behind the numbers of warps, which are stored while others still read the count.
  Value before = countArrival(code, arguments[op.getArrivals()].pointer,
                              code.advance(shared, 4 * kernel.warps()));
  code.when(code.isEqual(before, code.add(blocks, -1)), [&] { finish(); });
  LLVM::ReturnOp::create(builder, op.getLoc(), mlir::ValueRange());
}

LogicalResult qllm::verifyTensorScale(TensorScaleOp op, const kernels::Target &target) {
  if (FormatStatus status = op.getKernel().verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitTensorScale(OpBuilder &builder, TensorScaleOp op, StringRef name,
                           StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  TensorScaleEmitter(builder, op, name, sharedName).emit();
}
