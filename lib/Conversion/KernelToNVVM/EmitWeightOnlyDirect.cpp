// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The form for a few tokens: weights go from global memory to registers, and are the left operand.

#include "EmitWeightOnly.h"
#include "FloatSums.h"
#include "HalfWeights.h"
#include "LowRankBranch.h"
#include "MatrixRow.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr int64_t stepDepth = kernels::WeightOnlyKernel::stepDepth;

class DirectEmitter {
public:
  DirectEmitter(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel,
                const WeightOnlyArguments &arguments, Value shared, const TilePart &part)
      : code(code), kernel(kernel), arguments(arguments), shared(shared), part(part),
        place(code, kernel.schedule, kernel.columns, arguments.rows, part.tile),
        weights(code, kernel, arguments.rows), sums(code, kernel, rowTiles(), 1) {}

  void emit(BlockTiles &tiles);

private:
  /// An element of the tile that a thread finishes.
  struct Element {
    Value inShared; ///< its number in the sums of one part of the depth
    SumPlace place;
  };

  /// Tiles of 16 rows of the weight that a warp multiplies, and its vectors along a tile's depth.
  int64_t rowTiles() const { return kernel.schedule.columnsOfWarp() / 16; }
  int64_t vectorsOfTile() const { return kernel.depthOfWarp() / kernel.layout().tileColumns(); }

  void findPlaces();
  SmallVector<Value> loadWeights(Value tile);
  Value loadTokens(Value tile, int64_t element);
  void beginTile(Value tile);
  void multiplyTile(Value tile, ValueRange vectors);
  SmallVector<Value> emitLoop();

  void shareSums(ValueRange all, Value part);
  void shareBranch();
  SmallVector<Element> ownElements();
  Value addressOf(const Element &element);
  Value sumOfWarps(const Element &element);
  void storeResult(const Element &element, Value sum);

  CodeBuilder &code;
  const kernels::WeightOnlyKernel &kernel;
  const WeightOnlyArguments &arguments;
  Value shared;
  TilePart part;
  LinearPlace place;
  HalfWeights weights;
  FloatSums sums;
  Value partOfDepth;              ///< number of the warp among those that share its columns
  Value depthOfWarp;              ///< first element of k of the warp in a tile
  SmallVector<Value> rowPointers; ///< to the lane's vectors of each tile of rows
  Value token;                    ///< pointer to the lane's two elements of k at 0
  SmallVector<HalfWeights::Offset> offsets;
  /// For each run of the tile and each block of eight columns.
  SmallVector<SmallVector<Value>> runScales;
  SmallVector<SmallVector<HalfWeights::Offset>> runOffsets;
};

} // namespace

void DirectEmitter::findPlaces() {
  partOfDepth = code.divide(code.shiftRight(place.thread, 5), kernel.schedule.warpColumns);
  depthOfWarp = code.multiply(partOfDepth, kernel.depthOfWarp());
  kernels::WeightLayout layout = kernel.layout();
  Value firstRow = code.divide(code.add(place.tileColumn, place.warpColumn), layout.tileRows());
  for (int64_t tile = 0; tile != rowTiles(); ++tile) {
    Value row = code.add(firstRow, tile);
    if (place.hasRaggedColumns())
      row = code.minimum(row, code.constant(layout.rowTiles(kernel.columns) - 1));
    Value offset = code.multiply(code.extend64(row), code.constant64(kernel.weightTile().pitch));
    rowPointers.push_back(code.advance(code.advance(arguments.weight.pointer, offset),
                                       code.multiply(place.lane, 16)));
  }
  // Columns of the right operand are tokens; those that are not there repeat the last.
  Value row = code.minimum(code.add(place.tileRow, code.shiftRight(place.lane, 2)),
                           code.subtract(arguments.rows, code.constant(int64_t(1))));
  Value start = code.multiply(code.extend64(row), code.constant64(kernel.depth * 2));
  token = code.advance(code.advance(arguments.input.pointer, start),
                       code.shiftLeft(code.bitAnd(place.lane, 3), 2));
}

/// The vectors of a tile, for each tile of rows along the depth. What is beyond the depth may be
/// any weight, as inputs are zero there.
SmallVector<Value> DirectEmitter::loadWeights(Value tile) {
  kernels::WeightLayout layout = kernel.layout();
  Value first = code.add(code.multiply(tile, kernel.schedule.tileDepth), depthOfWarp);
  Value column = code.divide(first, layout.tileColumns());
  int64_t last = layout.columnTiles(kernel.depth) - 1;
  SmallVector<Value> offsets;
  for (int64_t vector = 0; vector != vectorsOfTile(); ++vector)
    offsets.push_back(code.multiply(code.minimum(code.add(column, vector), code.constant(last)),
                                    kernel.layoutBytes()));
  SmallVector<Value> vectors;
  for (Value pointer : rowPointers)
    for (Value offset : offsets)
      vectors.push_back(
          code.loadConstant(VectorType::get(4, code.i32()), code.advance(pointer, offset), 16));
  return vectors;
}

/// Two neighbouring elements of the lane's token, from `element` of the warp's part of the tile on.
Value DirectEmitter::loadTokens(Value tile, int64_t element) {
  Value first =
      code.add(code.add(code.multiply(tile, kernel.schedule.tileDepth), depthOfWarp), element);
  bool canBeBeyond = kernel.tiles() * kernel.schedule.tileDepth != kernel.depth;
  // Eight neighbours are inside together.
  Value inside = canBeBeyond ? code.less(first, code.constant(kernel.depth)) : Value();
  Value zero = code.constant(int64_t(0));
  Value offset = inside ? code.select(inside, first, zero) : first;
  Value words = code.loadConstant(code.i32(), code.advance(token, code.shiftLeft(offset, 1)), 4);
  return inside ? code.select(inside, words, zero) : words;
}

void DirectEmitter::beginTile(Value tile) {
  if (!kernel.isGrouped())
    return;
  runScales.clear();
  runOffsets.clear();
  for (int64_t first = 0; first != kernel.depthOfWarp(); first += kernel.runLength()) {
    Value group = groupOf(code, kernel, tile, code.add(depthOfWarp, first));
    auto &scales = runScales.emplace_back();
    auto &offsetsOfRun = runOffsets.emplace_back();
    for (int64_t block = 0; block != place.columnBlocks(); ++block) {
      Value column = place.weightColumn(block);
      scales.push_back(place.loadColumn(arguments.scales, column, group));
      offsetsOfRun.push_back(kernel.hasZeroPoints ? weights.offsetOf(place.loadColumn(
                                                        arguments.zeroPoints, column, group))
                                                  : offsets[block]);
    }
  }
}

void DirectEmitter::multiplyTile(Value tile, ValueRange vectors) {
  beginTile(tile);
  SmallVector<Words> tokens;
  for (int64_t element = 0; element != kernel.depthOfWarp(); element += stepDepth)
    tokens.push_back({loadTokens(tile, element), loadTokens(tile, element + 8)});
  int64_t ofVector = weights.stepsOfVector();
  for (int64_t step = 0; step != int64_t(tokens.size()); ++step) {
    int64_t run = step * stepDepth / kernel.runLength();
    const auto &ofBlocks = kernel.isGrouped() ? runOffsets[run] : offsets;
    SmallVector<Words> left;
    for (int64_t row = 0; row != rowTiles(); ++row) {
      Value vector = vectors[row * vectorsOfTile() + step / ofVector];
      Words top = weights.unpack(vector, 0, step % ofVector, ofBlocks[row * 2]);
      Words bottom = weights.unpack(vector, 1, step % ofVector, ofBlocks[row * 2 + 1]);
      left.push_back({top[0], bottom[0], top[1], bottom[1]});
    }
    sums.add(step, left, tokens[step], [&](int64_t row, int64_t) {
      Value top = runScales[run][row * 2], bottom = runScales[run][row * 2 + 1];
      return FloatSums::PairScales{top, top, bottom, bottom};
    });
  }
}

/// The weights of the next tile are on their way while a tile is multiplied.
SmallVector<Value> DirectEmitter::emitLoop() {
  Value zero = code.constant(int64_t(0));
  auto numberOf = [&](Value index) { return part.first ? code.add(part.first, index) : index; };
  SmallVector<Value> initial = sums.start();
  size_t count = initial.size();
  llvm::append_range(initial, loadWeights(numberOf(zero)));
  auto body = [&](OpBuilder &builder, Location loc, Value index, ValueRange carried) {
    SmallVector<Value> next = loadWeights(numberOf(code.add(index, 1)));
    sums.beginTile(carried.take_front(count));
    multiplyTile(numberOf(index), carried.drop_front(count));
    SmallVector<Value> results(sums.getSums());
    llvm::append_range(results, next);
    scf::YieldOp::create(builder, loc, results);
  };
  auto loop = scf::ForOp::create(code.getBuilder(), code.getLoc(), zero,
                                 part.count ? part.count : code.constant(kernel.tiles()),
                                 code.constant(int64_t(1)), initial, body);
  keepRolled(loop);
  return SmallVector<Value>(loop.getResults().take_front(count));
}

/// Leaves the warp's sums in shared memory, as those of a part of the depth.
void DirectEmitter::shareSums(ValueRange all, Value part) {
  // A lane has two tokens of two columns that are eight apart.
  Value row = code.add(code.multiply(part, kernel.schedule.tileRows),
                       code.shiftLeft(code.bitAnd(place.lane, 3), 1));
  Value column = code.add(place.warpColumn, code.shiftRight(place.lane, 2));
  Value start = code.advance(
      shared, code.shiftLeft(code.add(code.multiply(row, kernel.sharedPitch()), column), 2));
  for (auto [index, sum] : llvm::enumerate(all)) {
    int64_t tile = int64_t(index) / 4, half = int64_t(index) / 2 % 2, second = int64_t(index) % 2;
    int64_t offset = second * kernel.sharedPitch() + tile * 16 + half * 8;
    code.store(sum, code.advance(start, offset * 4), 4);
  }
}

/// Leaves sums of the low-rank branch where those of the first part of the depth were.
void DirectEmitter::shareBranch() {
  OpBuilder &builder = code.getBuilder();
  NVVM::Barrier0Op::create(builder, code.getLoc());
  Value first = code.constant(int64_t(0));
  code.when(code.isEqual(partOfDepth, first), [&] {
    LowRankBranch branch(code, place, kernel.rank, arguments.branchInput, arguments.branchWeight);
    Value row = code.add(place.tileRow, code.shiftRight(place.lane, 2));
    SmallVector<Value> all;
    for (int64_t tile = 0; tile != rowTiles(); ++tile)
      llvm::append_range(all, branch.multiplyColumns(tile, row));
    shareSums(all, first);
  });
  NVVM::Barrier0Op::create(builder, code.getLoc());
}

/// The elements of the tile, shared out among the threads.
SmallVector<DirectEmitter::Element> DirectEmitter::ownElements() {
  const kernels::Schedule &schedule = kernel.schedule;
  int64_t count = schedule.tileRows * schedule.tileColumns;
  SmallVector<Element> elements;
  for (int64_t first = 0; first < count; first += schedule.threads()) {
    Value number = code.add(place.thread, first);
    Value row = code.divide(number, schedule.tileColumns);
    Element &element = elements.emplace_back();
    element.place.row = code.add(place.tileRow, row);
    element.place.column = code.remainder(number, schedule.tileColumns);
    element.place.inside = code.less(element.place.row, arguments.rows);
    if (place.hasRaggedColumns()) {
      Value column = code.add(place.tileColumn, element.place.column);
      element.place.inside =
          code.both(element.place.inside, code.less(column, code.constant(kernel.columns)));
    }
    if (first + schedule.threads() > count)
      element.place.inside =
          code.both(element.place.inside, code.less(number, code.constant(count)));
    element.inShared = code.add(code.multiply(row, kernel.sharedPitch()), element.place.column);
  }
  return elements;
}

/// Where the element's sum of the first part of the depth is.
Value DirectEmitter::addressOf(const Element &element) {
  return code.advance(shared, code.shiftLeft(element.inShared, 2));
}

/// What all parts of the tile's depth add up to.
Value DirectEmitter::sumOfWarps(const Element &element) {
  const kernels::Schedule &schedule = kernel.schedule;
  Value start = addressOf(element), total;
  for (int64_t part = 0; part != schedule.warpRows; ++part) {
    int64_t offset = part * schedule.tileRows * kernel.sharedPitch() * 4;
    Value sum = code.load(code.f32(), code.advance(start, offset), 4);
    total = total ? code.addFloat(total, sum) : sum;
  }
  return total;
}

void DirectEmitter::storeResult(const Element &element, Value sum) {
  code.when(element.place.inside, [&] {
    Value column = code.add(place.tileColumn, element.place.column);
    auto load = [&](Buffer buffer) { return buffer ? place.loadColumn(buffer, column) : Value(); };
    WeightOnlyColumn values = {kernel.isGrouped() ? Value() : load(arguments.scales),
                               load(arguments.branchWeightScales), load(arguments.bias)};
    Value branchSum = kernel.rank != 0 ? code.load(code.f32(), addressOf(element), 4) : Value();
    MatrixRow(code, place, arguments.result, code.extend64(element.place.row))
        .store(column, finishSum(code, sum, branchSum, values));
  });
}

void DirectEmitter::emit(BlockTiles &tiles) {
  findPlaces();
  for (int64_t block = 0; block != place.columnBlocks(); ++block)
    offsets.push_back(
        weights.offsetOf(kernel.hasZeroPoints && !kernel.isGrouped()
                             ? place.loadColumn(arguments.zeroPoints, place.weightColumn(block))
                             : Value()));
  shareSums(emitLoop(), partOfDepth);
  NVVM::Barrier0Op::create(code.getBuilder(), code.getLoc());
  SmallVector<Element> elements = ownElements();
  SmallVector<Value> own;
  SmallVector<SumPlace> places;
  for (const Element &element : elements) {
    llvm::append_range(own, code.choose(
                                element.place.inside,
                                [&] { return SmallVector<Value>{sumOfWarps(element)}; },
                                [&] { return SmallVector<Value>{code.constant(0.0f)}; }));
    places.push_back(element.place);
  }
  tiles.finish(part, own, places, [&](ValueRange totals) {
    if (kernel.rank != 0)
      shareBranch();
    for (auto [element, total] : llvm::zip_equal(elements, totals))
      storeResult(element, total);
  });
}

void qllm::emitDirectForm(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel,
                          const WeightOnlyArguments &arguments, Value shared, BlockTiles &tiles,
                          const TilePart &part) {
  DirectEmitter(code, kernel, arguments, shared, part).emit(tiles);
}
