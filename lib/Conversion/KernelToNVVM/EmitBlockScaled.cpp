// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop over the depth with scaled sums, and the formula after it.

#include "EmitBlockScaled.h"

#include "PlainSchedule.h"
#include "ProductLoop.h"
#include "ScaledSums.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// y = t * sum + b, rounded to the result's type.
class ScaledEpilogue {
public:
  ScaledEpilogue(CodeBuilder &code, LinearPlace &place, const KernelFunction &function,
                 BlockScaledLinearOp op)
      : code(code), place(place), result(function[op.getResult()]), rows(function.size(0)),
        columnsOfRow(op.getResult().getType().getShape()[1]) {
    if (Buffer scale = function[op.getTensorScale()])
      tensorScale = code.loadConstant(code.f32(), scale.pointer, 4);
    if (Buffer vector = function[op.getBias()])
      for (int64_t block = 0; block != place.columnBlocks(); ++block)
        bias.push_back(place.loadColumns(vector, block));
  }

  void emit(ValueRange sums) {
    int64_t blocks = place.columnBlocks();
    for (int64_t block = 0; block != place.rowBlocks(); ++block)
      for (int64_t half = 0; half != 2; ++half)
        emitRow(place.row(block, half), sums.slice(block * blocks * 4, blocks * 4), half);
  }

private:
  void emitRow(Value row, ValueRange sums, int64_t half) {
    code.when(code.less(row, rows), [&] {
      int64_t bytes = result.elementType.getIntOrFloatBitWidth() / 8;
      Value start = code.multiply(code.extend64(row), code.constant64(columnsOfRow * bytes));
      Value pointer = code.advance(result.pointer, start);
      for (int64_t block = 0; block != place.columnBlocks(); ++block) {
        std::array<Value, 2> values;
        for (unsigned i = 0; i != 2; ++i)
          values[i] = finish(sums[block * 4 + half * 2 + i], block, i);
        place.storeColumns(values, pointer, place.column(block));
      }
    });
  }

  Value finish(Value sum, int64_t block, unsigned i) {
    if (tensorScale && !bias.empty())
      sum = code.multiplyAdd(sum, tensorScale, bias[block][i]);
    else if (tensorScale)
      sum = code.multiplyFloat(sum, tensorScale);
    else if (!bias.empty())
      sum = code.addFloat(sum, bias[block][i]);
    if (result.elementType.isF32())
      return sum;
    return arith::TruncFOp::create(code.getBuilder(), code.getLoc(), result.elementType, sum);
  }

  CodeBuilder &code;
  LinearPlace &place;
  Buffer result;
  Value rows, tensorScale;
  int64_t columnsOfRow;
  SmallVector<std::array<Value, 2>> bias; ///< of each block of columns; empty for none
};

} // namespace

LogicalResult qllm::verifyBlockScaled(BlockScaledLinearOp op, const kernels::Target &target) {
  ScheduleAttr schedule = findPlainSchedule(op, op.getSchedule(), target);
  if (!schedule)
    return failure();
  if (FormatStatus status = op.getKernel(schedule).verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitBlockScaled(OpBuilder &builder, BlockScaledLinearOp op,
                           const kernels::Target &target, StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  kernels::BlockScaledKernel kernel = op.getKernelOn(target);
  KernelFunction function(builder, op, name, kernel.codes.schedule.threads());
  Value rows = function.size(0);
  CodeBuilder code(builder, op.getLoc());
  Value shared = LLVM::AddressOfOp::create(
      builder, op.getLoc(), LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace),
      sharedName);
  LinearPlace place(code, kernel.codes, rows);
  ProductLoop loop =
      makeProductLoop(code, place, kernel.codes, function[op.getInput()].pointer,
                      function[op.getWeight()].pointer, rows, shared, /*unpacked=*/false);
  loop.accumulators = accumulateScaled(code, place, kernel, function[op.getInputScales()].pointer,
                                       function[op.getWeightScales()].pointer, rows);
  SmallVector<Value> carried = loop.emit(code, kernel.codes);
  ScaledEpilogue(code, place, function, op).emit(carried);
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}
