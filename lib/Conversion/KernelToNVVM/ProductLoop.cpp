// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Copies, waits, reads and products in the order in which they overlap.

#include "ProductLoop.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Places that change from tile to tile, in the order in which the loop carries them.
struct RingState {
  Value readStage, writeStage;       ///< bytes from stage 0
  Value inputPointer, weightPointer; ///< to what is loaded next

  SmallVector<Value> values() const { return {readStage, writeStage, inputPointer, weightPointer}; }
};

class LoopEmitter {
public:
  LoopEmitter(CodeBuilder &code, const kernels::LinearKernel &kernel, ProductLoop &parts)
      : code(code), builder(code.getBuilder()), kernel(kernel), parts(parts) {}

  SmallVector<Value> emit();

private:
  RingState fillRing();
  SmallVector<Value> emitBody(Value tile, ValueRange carried);
  void multiplyTile(Value tile, const RingState &ring);
  void loadTile(Value tile, const RingState &ring);
  RingState advance(const RingState &ring);
  void waitForAllBut(int64_t groups) {
    NVVM::CpAsyncWaitGroupOp::create(builder, code.getLoc(), uint32_t(groups));
  }

  CodeBuilder &code;
  OpBuilder &builder;
  const kernels::LinearKernel &kernel;
  ProductLoop &parts;
};

} // namespace

void LoopEmitter::loadTile(Value tile, const RingState &ring) {
  parts.inputLoader->issue(tile, ring.inputPointer, ring.writeStage);
  parts.weightLoader->issue(tile, ring.weightPointer, ring.writeStage);
  NVVM::CpAsyncCommitGroupOp::create(builder, code.getLoc());
}

/// Starts the loads of all stages but one.
RingState LoopEmitter::fillRing() {
  RingState ring{code.constant(int64_t(0)), code.constant(int64_t(0)),
                 parts.inputLoader->getSource(), parts.weightLoader->getSource()};
  for (int64_t tile = 0; tile != kernel.schedule.stages - 1; ++tile) {
    loadTile(code.constant(tile), ring);
    ring = {ring.readStage, code.constant((tile + 1) * kernel.stageBytes()),
            code.advance(ring.inputPointer, parts.inputLoader->tileStep()),
            code.advance(ring.weightPointer, parts.weightLoader->tileStep())};
  }
  return ring;
}

/// The stage that was read is the one that is written next.
RingState LoopEmitter::advance(const RingState &ring) {
  Value next = code.add(ring.readStage, kernel.stageBytes());
  Value isPast = code.isEqual(next, code.constant(kernel.sharedBytes()));
  return {code.select(isPast, code.constant(int64_t(0)), next), ring.readStage,
          code.advance(ring.inputPointer, parts.inputLoader->tileStep()),
          code.advance(ring.weightPointer, parts.weightLoader->tileStep())};
}

/// Fragments are read two steps ahead of their products, and the next tile's copies start in
/// between.
void LoopEmitter::multiplyTile(Value tile, const RingState &ring) {
  int64_t steps = kernel.inputTile().rowBytes / kernels::LinearKernel::stepBytes;
  int64_t batch = parts.accumulators->stepsAtATime();
  SmallVector<StepFragments> leftSteps, rightSteps;
  auto readUpTo = [&](int64_t end) {
    for (int64_t step = leftSteps.size(); step < std::min(end, steps); ++step) {
      leftSteps.push_back(parts.left->read(ring.readStage, step));
      rightSteps.push_back(parts.right->read(ring.readStage, step));
    }
  };
  int64_t ahead = std::max<int64_t>(batch, 2);
  readUpTo(ahead);
  loadTile(code.add(tile, kernel.schedule.stages - 1), ring);
  for (int64_t step = 0; step != steps; step += batch) {
    readUpTo(step + batch);
    parts.accumulators->add(step, ArrayRef(leftSteps).slice(step, batch),
                            ArrayRef(rightSteps).slice(step, batch));
    readUpTo(step + batch + ahead - 1);
  }
}

SmallVector<Value> LoopEmitter::emitBody(Value tile, ValueRange carried) {
  size_t count = carried.size() - 4;
  RingState ring{carried[count], carried[count + 1], carried[count + 2], carried[count + 3]};
  waitForAllBut(kernel.schedule.stages - 2);
  // After this, all see the tile, and nobody reads the stage that is written next.
  NVVM::Barrier0Op::create(builder, code.getLoc());
  parts.accumulators->beginTile(carried.take_front(count), tile);
  multiplyTile(tile, ring);
  SmallVector<Value> results(parts.accumulators->getSums());
  llvm::append_range(results, advance(ring).values());
  return results;
}

/// The body is long enough. Unrolled, it would take more registers and more of the instruction
/// cache.
static void keepRolled(scf::ForOp loop) {
  MLIRContext *context = loop.getContext();
  auto unroll =
      LLVM::LoopUnrollAttr::get(context, BoolAttr::get(context, true), {}, {}, {}, {}, {}, {});
  auto annotation = LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {}, {},
                                                  {}, {}, {}, {}, {}, {});
  // The name that branches of the llvm dialect have for it; the lowering of scf hands it on.
  loop->setAttr("loop_annotation", annotation);
}

SmallVector<Value> LoopEmitter::emit() {
  RingState ring = fillRing();
  SmallVector<Value> initial = parts.accumulators->start();
  size_t count = initial.size();
  llvm::append_range(initial, ring.values());
  Value first = code.constant(int64_t(0)), end = code.constant(kernel.tiles()),
        step = code.constant(int64_t(1));
  auto loop =
      scf::ForOp::create(builder, code.getLoc(), first, end, step, initial,
                         [&](OpBuilder &, Location, Value tile, ValueRange carried) {
                           scf::YieldOp::create(builder, code.getLoc(), emitBody(tile, carried));
                         });
  keepRolled(loop);
  waitForAllBut(0);
  return SmallVector<Value>(loop.getResults().take_front(count));
}

SmallVector<Value> ProductLoop::emit(CodeBuilder &code, const kernels::LinearKernel &kernel) {
  return LoopEmitter(code, kernel, *this).emit();
}

ProductLoop qllm::makeProductLoop(CodeBuilder &code, const LinearPlace &place,
                                  const kernels::LinearKernel &kernel, Value input, Value weight,
                                  Value rows, Value shared, bool unpacked) {
  kernels::OperandTile inputTile = kernel.inputTile(), weightTile = kernel.weightTile();
  Value weightShared = code.advance(shared, inputTile.bytes());
  bool shuffled = kernel.isWeightShuffled();
  int64_t columnsOfRow = kernel.schedule.tileColumns / weightTile.rows;
  Value weightLimit;
  if (place.hasRaggedColumns())
    weightLimit = code.constant((kernel.columns + columnsOfRow - 1) / columnsOfRow);
  ProductLoop loop;
  loop.inputLoader = std::make_unique<TileLoader>(
      code, LoadedOperand{inputTile, true, input, place.tileRow, rows, shared}, place.thread,
      kernel.schedule.threads());
  loop.weightLoader = std::make_unique<TileLoader>(
      code,
      LoadedOperand{weightTile, !shuffled, weight, code.divide(place.tileColumn, columnsOfRow),
                    weightLimit, weightShared},
      place.thread, kernel.schedule.threads());
  loop.left = readLeftRows(
      code, {inputTile, shared, place.lane, place.warpRow, kernel.schedule.rowsOfWarp(), unpacked});
  ReadOperand right{
      weightTile, weightShared, place.lane, place.warpColumn, kernel.schedule.columnsOfWarp(),
      unpacked};
  loop.right = shuffled ? readRightFragments(code, right) : readRightRows(code, right);
  return loop;
}
