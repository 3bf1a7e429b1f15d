// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the forms of the kernel share, and the choice between them.

#include "EmitWeightOnly.h"

#include "PlainSchedule.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

WeightOnlyArguments::WeightOnlyArguments(OpBuilder &builder, WeightOnlyLinearOp op, StringRef name,
                                         int64_t threads) {
  KernelFunction function(builder, op, name, threads);
  // Without it, ptxas spills a few registers for the sake of more blocks.
  giveAllRegisters(builder);
  input = function[op.getInput()];
  weight = function[op.getWeight()];
  scales = function[op.getScales()];
  zeroPoints = function[op.getZeroPoints()];
  bias = function[op.getBias()];
  branchInput = function[op.getBranchInput()];
  branchWeight = function[op.getBranchWeight()];
  branchWeightScales = function[op.getBranchWeightScales()];
  arrivals = function[op.getArrivals()];
  result = function[op.getResult()];
  parts = function[op.getPartialSums()];
  rows = function.size(0);
}

Value qllm::groupOf(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel, Value tile,
                    Value first) {
  Value element = code.add(code.multiply(tile, kernel.schedule.tileDepth), first);
  Value group = code.divide(element, kernel.groupLength);
  bool canBeBeyond = kernel.tiles() * kernel.schedule.tileDepth != kernel.depth;
  return canBeBeyond ? code.minimum(group, code.constant(kernel.groups() - 1)) : group;
}

Value qllm::finishSum(CodeBuilder &code, Value sum, Value branchSum,
                      const WeightOnlyColumn &column) {
  Value value = column.scale ? code.multiplyFloat(sum, column.scale) : sum;
  if (branchSum)
    value = code.multiplyAdd(branchSum, column.branchScale, value);
  return column.bias ? code.addFloat(value, column.bias) : value;
}

LogicalResult qllm::verifyWeightOnly(WeightOnlyLinearOp op, const kernels::Target &target) {
  ScheduleAttr schedule = findPlainSchedule(op, op.getSchedule(), target);
  if (!schedule)
    return failure();
  if (FormatStatus status = op.getKernel(schedule).verifyOn(target); !status)
    return op.emitOpError() << status.message();
  return success();
}

void qllm::emitWeightOnly(OpBuilder &builder, WeightOnlyLinearOp op, const kernels::Target &target,
                          StringRef name, StringRef sharedName) {
  OpBuilder::InsertionGuard guard(builder);
  kernels::WeightOnlyKernel kernel = op.getKernelOn(target);
  WeightOnlyArguments arguments(builder, op, name, kernel.schedule.threads());
  CodeBuilder code(builder, op.getLoc());
  Value shared = LLVM::AddressOfOp::create(
      builder, op.getLoc(), LLVM::LLVMPointerType::get(builder.getContext(), sharedSpace),
      sharedName);
  BlockTiles tiles(code, kernel.schedule, kernel.stream(), {arguments.arrivals, arguments.parts},
                   arguments.rows, shared);
  tiles.forEachPart([&](const TilePart &part) {
    (kernel.isDirect() ? emitDirectForm : emitRingForm)(code, kernel, arguments, shared, tiles,
                                                        part);
  });
  LLVM::ReturnOp::create(builder, op.getLoc(), ValueRange());
}
