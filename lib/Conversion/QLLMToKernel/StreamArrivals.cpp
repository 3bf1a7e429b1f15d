// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes from schedules; results in place of operands, in a chain.

#include "StreamArrivals.h"

#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace qllm;

StreamSizes qllm::streamSizes(Attribute schedules, kernels::WeightOnlyKernel kernel) {
  StreamSizes sizes;
  schedules.walk([&](qk::ScheduleAttr schedule) {
    if (!schedule.isStreamed())
      return;
    kernel.schedule = schedule.getSchedule();
    sizes.tiles = std::max(sizes.tiles, kernel.arrivals(schedule.getMaxRows()));
    sizes.words = std::max(sizes.words, kernel.wordsOfParts());
  });
  return sizes;
}

Value qllm::makeArrivals(OpBuilder &builder, Location loc, int64_t tiles) {
  auto type = RankedTensorType::get(tiles, builder.getI32Type());
  return onnx::InitializerOp::create(builder, loc, type, "arrivals",
                                     DenseElementsAttr::get(type, int32_t(0)));
}

void qllm::shareArrivals(ModuleOp module) {
  llvm::MapVector<Block *, SmallVector<qk::WeightOnlyLinearOp>> byBlock;
  module.walk([&](qk::WeightOnlyLinearOp op) {
    auto own = op.getArrivals() ? op.getArrivals().getDefiningOp<onnx::InitializerOp>()
                                : onnx::InitializerOp();
    if (own && own->hasOneUse())
      byBlock[op->getBlock()].push_back(op);
  });
  for (auto &[block, users] : byBlock) {
    int64_t most = 0;
    for (qk::WeightOnlyLinearOp op : users)
      most = std::max(most, cast<RankedTensorType>(op.getArrivals().getType()).getDimSize(0));
    OpBuilder builder(users.front());
    Value arrivals = makeArrivals(builder, users.front().getLoc(), most);
    for (qk::WeightOnlyLinearOp op : users) {
      Operation *own = op.getArrivals().getDefiningOp();
      op.getArrivalsMutable().assign(arrivals);
      op.getFreeArrivals().setType(arrivals.getType());
      arrivals = op.getFreeArrivals();
      own->erase();
    }
  }
}
