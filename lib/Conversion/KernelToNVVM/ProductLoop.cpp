// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reads and products in the order in which they overlap.

#include "ProductLoop.h"

#include "DepthLoop.h"

using namespace mlir;
using namespace qllm;

/// Fragments are read two steps ahead of their products, and the next tile's copies start in
/// between.
static void multiplyTile(const kernels::LinearKernel &kernel, ProductLoop &parts, DepthLoop &loop) {
  int64_t steps = kernel.inputTile().rowBytes / kernels::LinearKernel::stepBytes;
  int64_t batch = parts.accumulators->stepsAtATime();
  SmallVector<StepFragments> leftSteps, rightSteps;
  auto readUpTo = [&](int64_t end) {
    for (int64_t step = leftSteps.size(); step < std::min(end, steps); ++step) {
      leftSteps.push_back(parts.left->read(loop.stage(), step));
      rightSteps.push_back(parts.right->read(loop.stage(), step));
    }
  };
  // Fragments of a whole group take the registers that those of the next would.
  int64_t ahead = batch > 1 ? 1 : 2;
  readUpTo(std::max(batch, ahead));
  loop.loadNext();
  for (int64_t step = 0; step != steps; step += batch) {
    readUpTo(step + batch);
    parts.accumulators->add(step, ArrayRef(leftSteps).slice(step, batch),
                            ArrayRef(rightSteps).slice(step, batch));
    readUpTo(step + batch + ahead - 1);
  }
}

SmallVector<Value> ProductLoop::emit(CodeBuilder &code, const kernels::LinearKernel &kernel) {
  DepthLoop loop(code, {inputLoader.get(), weightLoader.get()}, kernel.schedule.stages,
                 kernel.stageBytes());
  return loop.emit(TilePart(), kernel.tiles(), accumulators->start(),
                   [&](Value tile, ValueRange sums) {
                     accumulators->beginTile(sums, tile);
                     multiplyTile(kernel, *this, loop);
                     return SmallVector<Value>(accumulators->getSums());
                   });
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
      code, LoadedOperand{inputTile, true, input, place.tileRow, rows, shared, kernel.tiles()},
      place.thread, kernel.schedule.threads());
  loop.weightLoader = std::make_unique<TileLoader>(
      code,
      LoadedOperand{weightTile, !shuffled, weight, code.divide(place.tileColumn, columnsOfRow),
                    weightLimit, weightShared, kernel.tiles()},
      place.thread, kernel.schedule.threads());
  loop.left = readLeftRows(
      code, {inputTile, shared, place.lane, place.warpRow, kernel.schedule.rowsOfWarp(), unpacked});
  ReadOperand right{
      weightTile, weightShared, place.lane, place.warpColumn, kernel.schedule.columnsOfWarp(),
      unpacked};
  loop.right = shuffled ? readRightFragments(code, right) : readRightRows(code, right);
  return loop;
}
