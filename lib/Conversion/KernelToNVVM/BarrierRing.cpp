// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarrier operations of the ring.

#include "BarrierRing.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

/// Nanoseconds that one attempt to wait may take; it is repeated until it succeeds.
static constexpr int64_t waitHint = 10000000;

void qllm::initializeBarrier(CodeBuilder &code, Value barrier, int64_t arrivals, Value isFirst) {
  NVVM::MBarrierInitOp::create(code.getBuilder(), code.getLoc(), barrier, code.constant(arrivals),
                               isFirst);
}

void qllm::waitForBarrier(CodeBuilder &code, Value barrier, Value parity) {
  NVVM::MBarrierTryWaitParityOp::create(code.getBuilder(), code.getLoc(), barrier, parity,
                                        code.constant(waitHint));
}

void BarrierRing::initialize(Value isFirst, int64_t readers, int64_t fillers) {
  for (int64_t stage = 0; stage != stages; ++stage) {
    initializeBarrier(code, code.advance(barriers, 8 * stage), fillers, isFirst);
    initializeBarrier(code, code.advance(barriers, 8 * (stage + stages)), readers * cluster,
                      isFirst);
  }
  // The copies that arrive at them see them initialized.
  NVVM::FenceMbarrierInitOp::create(code.getBuilder(), code.getLoc());
}

BarrierRing::Turn BarrierRing::next(Turn turn) {
  Value following = code.add(turn.stage, 1);
  Value isPast = code.isEqual(following, code.constant(stages));
  Value flipped = code.bitXor(turn.parity, code.constant(int64_t(1)));
  return {code.select(isPast, code.constant(int64_t(0)), following),
          code.select(isPast, flipped, turn.parity)};
}

Value BarrierRing::expect(Turn turn, Value bytes) {
  Value barrier = full(turn.stage);
  NVVM::MBarrierArriveExpectTxOp::create(code.getBuilder(), code.getLoc(), Type(), barrier, bytes,
                                         NVVM::MemScopeKind::CTA,
                                         /*relaxed=*/false, /*predicate=*/Value());
  return barrier;
}

void BarrierRing::fill(int64_t tiles, llvm::function_ref<void(Value tile, Turn turn)> copy) {
  Turn first = firstToFill();
  code.repeat(0, tiles, {first.stage, first.parity},
              [&](Value tile, ValueRange carried) -> SmallVector<Value> {
                Turn turn{carried[0], carried[1]};
                waitUntilEmpty(turn);
                copy(tile, turn);
                Turn following = next(turn);
                return {following.stage, following.parity};
              });
}

static void arriveAt(CodeBuilder &code, Value barrier) {
  NVVM::MBarrierArriveOp::create(code.getBuilder(), code.getLoc(), code.getBuilder().getI64Type(),
                                 barrier, /*count=*/Value());
}

void BarrierRing::release(Value stage, Value lane) {
  if (cluster == 1)
    return code.when(code.isEqual(lane, code.constant(int64_t(0))),
                     [&] { arriveAt(code, empty(stage)); });
  // A lane for each block.
  OpBuilder &builder = code.getBuilder();
  code.when(code.less(lane, code.constant(cluster)), [&] {
    auto type = LLVM::LLVMPointerType::get(builder.getContext(), clusterSpace);
    Value there = NVVM::MapaOp::create(builder, code.getLoc(), type, empty(stage), lane);
    NVVM::MBarrierArriveOp::create(builder, code.getLoc(), Type(), there, /*count=*/Value(),
                                   NVVM::MemScopeKind::CLUSTER, /*relaxed=*/false);
  });
}

void BarrierRing::arrive(Value stage) { arriveAt(code, full(stage)); }
