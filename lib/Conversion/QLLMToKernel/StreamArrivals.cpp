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

namespace {

/// Where an operation takes counts, and where it leaves them.
struct CountUser {
  OpOperand *taken;
  Value left;

  int64_t counts() const { return cast<RankedTensorType>(taken->get().getType()).getDimSize(0); }
};

/// Nothing where the operation counts no arrivals.
CountUser countUser(Operation *op) {
  if (auto linear = dyn_cast<qk::WeightOnlyLinearOp>(op); linear && linear.getArrivals())
    return {&*linear.getArrivalsMutable().begin(), linear.getFreeArrivals()};
  if (auto scale = dyn_cast<qk::TensorScaleOp>(op))
    return {&scale.getArrivalsMutable(), scale.getFreeArrivals()};
  return {};
}

} // namespace

void qllm::shareArrivals(ModuleOp module) {
  llvm::MapVector<Block *, SmallVector<CountUser>> byBlock;
  module.walk([&](Operation *op) {
    CountUser user = countUser(op);
    auto own =
        user.taken ? user.taken->get().getDefiningOp<onnx::InitializerOp>() : onnx::InitializerOp();
    if (own && own->hasOneUse())
      byBlock[op->getBlock()].push_back(user);
  });
  for (auto &[block, users] : byBlock) {
    int64_t most = 0;
    for (const CountUser &user : users)
      most = std::max(most, user.counts());
    Operation *first = users.front().taken->getOwner();
    OpBuilder builder(first);
    Value arrivals = makeArrivals(builder, first->getLoc(), most);
    for (CountUser &user : users) {
      Operation *own = user.taken->get().getDefiningOp();
      user.taken->set(arrivals);
      user.left.setType(arrivals.getType());
      arrivals = user.left;
      own->erase();
    }
  }
}
