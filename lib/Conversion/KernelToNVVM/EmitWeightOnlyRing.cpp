// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form with tiles of both operands in shared memory.

#include "DepthLoop.h"
#include "EmitWeightOnly.h"
#include "FloatSums.h"
#include "HalfWeights.h"
#include "LowRankBranch.h"
#include "MatrixRow.h"
#include "OperandReader.h"

using namespace mlir;
using namespace qllm;

namespace {

class RingEmitter {
public:
  RingEmitter(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel,
              const WeightOnlyArguments &arguments, Value shared, const TilePart &part)
      : code(code), kernel(kernel), arguments(arguments), shared(shared), part(part),
        place(code, kernel.schedule, kernel.columns, arguments.rows, part.tile),
        weights(code, kernel, arguments.rows),
        sums(code, kernel, place.rowBlocks(), place.columnBlocks()) {}

  void emit(BlockTiles &tiles);

private:
  using Pair = std::array<Value, 2>;

  void makeLoaders();
  void beginTile(Value tile);
  void multiplyTile(DepthLoop &loop);
  SmallVector<Value> readVectors(Value stage, int64_t index);
  SmallVector<Words> unpack(ArrayRef<Value> vectors, int64_t step);
  FloatSums::PairScales scalesOf(int64_t run, int64_t block);

  SmallVector<Value> emitLoop();
  void loadColumns();
  void storeResult(ValueRange sums);
  void storeRow(Value row, int64_t firstBlock, ArrayRef<Value> sums, ArrayRef<Value> branchSums);

  CodeBuilder &code;
  const kernels::WeightOnlyKernel &kernel;
  const WeightOnlyArguments &arguments;
  Value shared;
  TilePart part;
  LinearPlace place;
  HalfWeights weights;
  FloatSums sums;
  std::unique_ptr<TileLoader> inputLoader, weightLoader;
  std::unique_ptr<OperandReader> left;
  Value vectorAddress; ///< of the lane's first vector of weights in stage 0
  /// For each run of the tile and each block of eight columns.
  SmallVector<SmallVector<Pair>> runScales;
  SmallVector<SmallVector<HalfWeights::Offset>> runOffsets;
  /// Without groups: those of the whole depth.
  SmallVector<HalfWeights::Offset> offsets;
  /// Of each block of eight columns, the lane's two.
  SmallVector<std::array<WeightOnlyColumn, 2>> columns;
};

} // namespace

void RingEmitter::makeLoaders() {
  kernels::OperandTile inputTile = kernel.inputTile(), weightTile = kernel.weightTile();
  int64_t threads = kernel.schedule.threads(), rowsOfLayout = kernel.layout().tileRows();
  int64_t tiles = kernel.tiles();
  Value weightShared = code.advance(shared, inputTile.bytes());
  inputLoader = std::make_unique<TileLoader>(code,
                                             LoadedOperand{inputTile, /*swizzled=*/true,
                                                           arguments.input.pointer, place.tileRow,
                                                           arguments.rows, shared, tiles},
                                             place.thread, threads);
  Value weightLimit =
      place.hasRaggedColumns() ? code.constant(kernel.layout().rowTiles(kernel.columns)) : Value();
  weightLoader = std::make_unique<TileLoader>(
      code,
      LoadedOperand{weightTile, /*swizzled=*/false, arguments.weight.pointer,
                    code.divide(place.tileColumn, rowsOfLayout), weightLimit, weightShared, tiles},
      place.thread, threads);
  left = readLeftRows(code, {inputTile, shared, place.lane, place.warpRow,
                             kernel.schedule.rowsOfWarp(), /*unpacked=*/false});
  Value row = code.divide(place.warpColumn, rowsOfLayout);
  vectorAddress = code.advance(weightShared, code.add(code.multiply(row, weightTile.rowBytes),
                                                      code.multiply(place.lane, 16)));
}

SmallVector<Value> RingEmitter::readVectors(Value stage, int64_t index) {
  SmallVector<Value> vectors;
  Value from = code.advance(code.advance(vectorAddress, stage), index * kernel.layoutBytes());
  for (int64_t row = 0; row != place.columnBlocks() / 2; ++row)
    vectors.push_back(code.load(VectorType::get(4, code.i32()),
                                code.advance(from, row * kernel.weightTile().rowBytes), 16));
  return vectors;
}

SmallVector<Words> RingEmitter::unpack(ArrayRef<Value> vectors, int64_t step) {
  int64_t run = step * kernels::WeightOnlyKernel::stepDepth / kernel.runLength();
  const auto &ofBlocks = runOffsets.empty() ? offsets : runOffsets[run];
  SmallVector<Words> blocks;
  for (auto [row, vector] : llvm::enumerate(vectors))
    for (unsigned block = 0; block != 2; ++block)
      blocks.push_back(
          weights.unpack(vector, block, step % weights.stepsOfVector(), ofBlocks[row * 2 + block]));
  return blocks;
}

/// Loads what belongs to the runs of a tile, long before it is wanted.
void RingEmitter::beginTile(Value tile) {
  if (!kernel.isGrouped())
    return;
  runScales.clear();
  runOffsets.clear();
  for (int64_t first = 0; first != kernel.schedule.tileDepth; first += kernel.runLength()) {
    Value group = groupOf(code, kernel, tile, code.constant(first));
    auto &scalesOfRun = runScales.emplace_back();
    for (int64_t block = 0; block != place.columnBlocks(); ++block)
      scalesOfRun.push_back(place.loadColumns(arguments.scales, block, group));
    if (!kernel.hasZeroPoints)
      continue;
    auto &offsetsOfRun = runOffsets.emplace_back();
    for (int64_t block = 0; block != place.columnBlocks(); ++block)
      offsetsOfRun.push_back(weights.offsetOf(
          place.loadColumn(arguments.zeroPoints, place.weightColumn(block), group)));
  }
}

FloatSums::PairScales RingEmitter::scalesOf(int64_t run, int64_t block) {
  auto [first, second] = runScales[run][block];
  return {first, second, first, second};
}

/// Fragments are read a step ahead of their products, and the next tile's copies start in between.
void RingEmitter::multiplyTile(DepthLoop &loop) {
  constexpr int64_t stepDepth = kernels::WeightOnlyKernel::stepDepth;
  int64_t steps = kernel.schedule.tileDepth / stepDepth, ofVector = weights.stepsOfVector();
  SmallVector<SmallVector<Words>> rows;
  SmallVector<SmallVector<Value>> vectors;
  auto readUpTo = [&](int64_t end) {
    for (int64_t step = rows.size(); step < std::min(end, steps); ++step) {
      if (step % ofVector == 0)
        vectors.push_back(readVectors(loop.stage(), step / ofVector));
      rows.push_back(left->read(loop.stage(), step).front());
    }
  };
  readUpTo(2);
  loop.loadNext();
  for (int64_t step = 0; step != steps; ++step) {
    readUpTo(step + 2);
    int64_t run = step * stepDepth / kernel.runLength();
    sums.add(step, rows[step], unpack(vectors[step / ofVector], step),
             [&](int64_t, int64_t block) { return scalesOf(run, block); });
  }
}

void RingEmitter::loadColumns() {
  auto load = [&](Buffer buffer, int64_t block, Value WeightOnlyColumn::*member) {
    if (!buffer)
      return;
    Pair loaded = place.loadColumns(buffer, block);
    for (unsigned i = 0; i != 2; ++i)
      columns.back()[i].*member = loaded[i];
  };
  for (int64_t block = 0; block != place.columnBlocks(); ++block) {
    columns.emplace_back();
    if (!kernel.isGrouped())
      load(arguments.scales, block, &WeightOnlyColumn::scale);
    load(arguments.branchWeightScales, block, &WeightOnlyColumn::branchScale);
    load(arguments.bias, block, &WeightOnlyColumn::bias);
  }
}

/// Two sums for each block of columns from the first on.
void RingEmitter::storeRow(Value row, int64_t firstBlock, ArrayRef<Value> sums,
                           ArrayRef<Value> branchSums) {
  MatrixRow result(code, place, arguments.result, code.extend64(row));
  for (size_t first = 0; first != sums.size(); first += 2) {
    int64_t block = firstBlock + int64_t(first / 2);
    Pair pair;
    for (unsigned i = 0; i != 2; ++i)
      pair[i] = finishSum(code, sums[first + i], branchSums[first + i], columns[block][i]);
    result.storePair(place.column(block), pair);
  }
}

void RingEmitter::storeResult(ValueRange sums) {
  loadColumns();
  LowRankBranch branch(code, place, kernel.rank, arguments.branchInput, arguments.branchWeight);
  int64_t blocks = place.columnBlocks();
  branch.forParts([&](int64_t rows, int64_t first, ArrayRef<Value> branchSums) {
    for (int64_t half = 0; half != 2; ++half) {
      SmallVector<Value> ofHalf, branchOfHalf;
      for (size_t i = 0; i != branchSums.size(); ++i)
        if (int64_t(i) / 2 % 2 == half) {
          ofHalf.push_back(sums[size_t((rows * blocks + first) * 4) + i]);
          branchOfHalf.push_back(branchSums[i]);
        }
      Value row = place.row(rows, half);
      code.when(code.less(row, arguments.rows),
                [&] { storeRow(row, first, ofHalf, branchOfHalf); });
    }
  });
}

SmallVector<Value> RingEmitter::emitLoop() {
  DepthLoop loop(code, {inputLoader.get(), weightLoader.get()}, kernel.schedule.stages,
                 kernel.stageBytes());
  return loop.emit(part, kernel.tiles(), sums.start(), [&](Value tile, ValueRange carried) {
    sums.beginTile(carried);
    beginTile(tile);
    multiplyTile(loop);
    return SmallVector<Value>(sums.getSums());
  });
}

void RingEmitter::emit(BlockTiles &tiles) {
  makeLoaders();
  if (!kernel.isGrouped() || !kernel.hasZeroPoints)
    for (int64_t block = 0; block != place.columnBlocks(); ++block)
      offsets.push_back(weights.offsetOf(
          kernel.hasZeroPoints ? place.loadColumn(arguments.zeroPoints, place.weightColumn(block))
                               : Value()));
  SmallVector<Value> all = emitLoop();
  tiles.finish(part, all, place.sumPlaces(), [&](ValueRange totals) { storeResult(totals); });
}

void qllm::emitRingForm(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel,
                        const WeightOnlyArguments &arguments, Value shared, BlockTiles &tiles,
                        const TilePart &part) {
  RingEmitter(code, kernel, arguments, shared, part).emit(tiles);
}
