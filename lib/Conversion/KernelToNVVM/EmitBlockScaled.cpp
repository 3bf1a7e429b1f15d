// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop over the depth with scaled sums, and the formula after it.

#include "EmitBlockScaled.h"

#include "EmitTensorMemoryScaled.h"
#include "PlainSchedule.h"
#include "ProductLoop.h"
#include "ScaledResult.h"
#include "ScaledSums.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

/// y = t * sum + b, rounded to the result's type.
class ScaledEpilogue {
public:
  ScaledEpilogue(CodeBuilder &code, LinearPlace &place, ScaledResult result)
      : code(code), place(place), result(result) {
    for (int64_t block = 0; result.bias && block != place.columnBlocks(); ++block)
      bias.push_back(place.loadColumns(result.bias, block));
  }

  void emit(ValueRange sums) {
    int64_t blocks = place.columnBlocks();
    for (int64_t block = 0; block != place.rowBlocks(); ++block)
      for (int64_t half = 0; half != 2; ++half)
        emitRow(place.row(block, half), sums.slice(block * blocks * 4, blocks * 4), half);
  }

private:
  void emitRow(Value row, ValueRange sums, int64_t half) {
    code.when(code.less(row, result.rows), [&] {
      Value pointer = result.rowPointer(row);
      for (int64_t block = 0; block != place.columnBlocks(); ++block) {
        std::array<Value, 2> values;
        for (unsigned i = 0; i != 2; ++i)
          values[i] = result.finish(sums[block * 4 + half * 2 + i],
                                    bias.empty() ? Value() : bias[block][i]);
        place.storeColumns(values, pointer, place.column(block));
      }
    });
  }

  CodeBuilder &code;
  LinearPlace &place;
  ScaledResult result;
  SmallVector<std::array<Value, 2>> bias; ///< of each block of columns; empty for none
};

} // namespace

LogicalResult qllm::verifyBlockScaled(BlockScaledLinearOp op, const kernels::Target &target) {
  ScheduleAttr schedule = findPlainSchedule(op, op.getSchedule(), target, /*producers=*/true);
  if (!schedule)
    return failure();
  if (FormatStatus status = op.getKernel(schedule).verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitBlockScaled(OpBuilder &builder, BlockScaledLinearOp op,
                           const kernels::Target &target, StringRef name, StringRef sharedName) {
  kernels::BlockScaledKernel kernel = op.getKernelOn(target);
  if (kernel.isInTensorMemory())
    return emitTensorMemoryScaled(builder, op, kernel, name, sharedName);
  OpBuilder::InsertionGuard guard(builder);
  KernelFunction function(builder, op, name, kernel.codes.schedule.threads());
  giveAllRegisters(builder);
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
  ScaledEpilogue(code, place, ScaledResult(code, function, op)).emit(carried);
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}
