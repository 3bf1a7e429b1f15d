// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stages of the ring, and what the loop carries.

#include "DepthLoop.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;

void DepthLoop::load(Value tile, int64_t ahead) {
  Value hidden = code.hide(tile);
  for (TileLoader *loader : loaders) {
    Value source = code.advanceWide(loader->getSource(), hidden, loader->tileStep());
    loader->issue(code.add(tile, ahead), code.advance(source, ahead * loader->tileStep()),
                  state[1]);
  }
}

void DepthLoop::commit() { NVVM::CpAsyncCommitGroupOp::create(code.getBuilder(), code.getLoc()); }

/// Nothing is copied behind the last tile, but groups are counted on.
void DepthLoop::loadNext() {
  int64_t ahead = stages - 1;
  if (loadEnd)
    code.when(code.less(index, loadEnd), [&] { load(tile, ahead); });
  commit();
}

void DepthLoop::wait(int64_t groupsLeft) {
  NVVM::CpAsyncWaitGroupOp::create(code.getBuilder(), code.getLoc(), uint32_t(groupsLeft));
}

/// The stage that was read is the one that is written next.
void DepthLoop::advance() {
  Value next = code.add(state[0], stageBytes);
  Value isPast = code.isEqual(next, code.constant(stages * stageBytes));
  state[1] = state[0];
  state[0] = code.select(isPast, code.constant(int64_t(0)), next);
}

SmallVector<Value> DepthLoop::emit(const TilePart &part, int64_t tiles, ArrayRef<Value> sums,
                                   llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  Location loc = code.getLoc();
  Value first = part.first, count = part.count ? part.count : code.constant(tiles);
  Value zero = code.constant(int64_t(0));
  int64_t ahead = stages - 1;
  if (part.count)
    loadEnd = code.subtract(count, code.constant(ahead));
  else if (tiles > ahead)
    loadEnd = code.constant(tiles - ahead);
  auto numberOf = [&](Value index) { return first ? code.add(first, index) : index; };
  state = {zero, zero};
  for (int64_t stage = 0; stage != stages - 1; ++stage) {
    auto loadStage = [&] { load(numberOf(zero), stage); };
    if (part.count && stage != 0)
      code.when(code.less(code.constant(stage), count), loadStage);
    else if (stage < tiles)
      loadStage();
    commit();
    state[1] = code.constant((stage + 1) * stageBytes);
  }
  SmallVector<Value> initial(sums);
  llvm::append_range(initial, state);
  auto emitBody = [&](OpBuilder &builder, Location, Value number, ValueRange carried) {
    state = {carried[sums.size()], carried[sums.size() + 1]};
    index = number;
    tile = numberOf(index);
    wait(stages - 2);
    // After this, all see the tile, and nobody reads the stage that is written next.
    NVVM::Barrier0Op::create(builder, loc);
    SmallVector<Value> results = body(tile, carried.take_front(sums.size()));
    advance();
    llvm::append_range(results, state);
    scf::YieldOp::create(builder, loc, results);
  };
  auto loop = scf::ForOp::create(code.getBuilder(), loc, zero, count, code.constant(int64_t(1)),
                                 initial, emitBody);
  keepRolled(loop);
  wait(0);
  return SmallVector<Value>(loop.getResults().take_front(sums.size()));
}
