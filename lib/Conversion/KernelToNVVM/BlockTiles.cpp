// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shares of steps, and who adds up their sums.

#include "BlockTiles.h"

#include "BlockArrival.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace qllm;

/// As kernels::StreamK has it.
Value BlockTiles::beginOf(Value block) {
  return code.divide(code.multiply(block, stream.share().steps), stream.share().blocks);
}

Value BlockTiles::blockOf(Value step) {
  Value scaled = code.multiply(code.add(step, 1), stream.share().blocks);
  return code.divide(code.subtract(scaled, code.constant(int64_t(1))), stream.share().steps);
}

void BlockTiles::forEachPart(function_ref<void(const TilePart &)> body) {
  if (!schedule.isStreamed())
    return body({});
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Value block = code.columnBlock();
  Value begin = beginOf(block), end = beginOf(code.add(block, 1));
  Value firstTile = code.divide(begin, stream.steps);
  if (!stream.crossesTiles())
    return body({firstTile, code.subtract(begin, code.multiply(firstTile, stream.steps)),
                 code.subtract(end, begin)});
  Value lastTile = code.divide(code.subtract(end, code.constant(int64_t(1))), stream.steps);
  auto loop = scf::ForOp::create(
      builder, loc, firstTile, code.add(lastTile, 1), code.constant(int64_t(1)), ValueRange(),
      [&](OpBuilder &, Location, Value tile, ValueRange) {
        Value start = code.multiply(tile, stream.steps);
        Value first = code.maximum(code.subtract(begin, start), code.constant(int64_t(0)));
        Value last = code.minimum(code.subtract(end, start), code.constant(stream.steps));
        body({tile, first, code.subtract(last, first)});
        // The next part's tiles take the place of this one's.
        NVVM::Barrier0Op::create(builder, loc);
        scf::YieldOp::create(builder, loc);
      });
  keepRolled(loop);
}

/// Where the block's part of a tile that begins at `firstStep` has the sums of a place. Slots hold
/// the rows of the product that are there, and whole rows of a tile.
Value BlockTiles::slotAddress(Value block, Value firstStep, const SumPlace &place) {
  Value slot = code.multiply(block, stream.slotsOfBlock());
  if (stream.crossesTiles())
    slot = code.add(slot, code.select(code.less(beginOf(block), firstStep),
                                      code.constant(int64_t(1)), code.constant(int64_t(0))));
  Value row = code.minimum(place.row, code.subtract(rows, code.constant(int64_t(1))));
  Value slotRow =
      code.add(code.multiply(code.extend64(slot), code.extend64(rows)), code.extend64(row));
  Value start = code.advance(buffers.parts.pointer,
                             code.multiply(slotRow, code.constant64(schedule.tileColumns * 4)));
  return code.advance(start, code.shiftLeft(place.column, 2));
}

void BlockTiles::storePart(const TilePart &part, ArrayRef<Value> sums, ArrayRef<SumPlace> places) {
  Value block = code.columnBlock();
  Value firstStep = code.multiply(part.tile, stream.steps);
  int64_t width = int64_t(sums.size() / places.size());
  // The places of a row are there together.
  llvm::MapVector<Value, SmallVector<size_t>> byRow;
  for (auto [index, place] : llvm::enumerate(places))
    byRow[place.inside].push_back(index);
  for (auto &entry : byRow)
    code.when(entry.first, [&] {
      for (size_t index : entry.second) {
        ArrayRef<Value> values = sums.slice(index * width, width);
        code.store(width == 1 ? values[0] : code.vector(values),
                   slotAddress(block, firstStep, places[index]), unsigned(4 * width));
      }
    });
}

/// The sums of all parts, in the order of the depth. Several parts are loaded at a time, so that
/// they are on their way together.
SmallVector<Value> BlockTiles::addParts(Value firstBlock, Value lastBlock, Value firstStep,
                                        ArrayRef<Value> sums, ArrayRef<SumPlace> places) {
  Type type = sums.front().getType();
  bool isFloat = type == code.f32();
  int64_t width = int64_t(sums.size() / places.size());
  int64_t atOnce = stream.partsAtOnce(int64_t(sums.size()));
  // Added to a part, it leaves that part to the bit, zeros too.
  Value nothing = isFloat ? code.constant(-0.0f) : code.constant(int64_t(0));
  auto addPart = [&](SmallVector<Value> &totals, Value block, Value exists) {
    Value there = exists ? code.minimum(block, lastBlock) : block;
    for (auto [index, place] : llvm::enumerate(places)) {
      Value loaded = code.load(width == 1 ? type : VectorType::get(width, type),
                               slotAddress(there, firstStep, place), unsigned(4 * width));
      for (int64_t i = 0; i != width; ++i) {
        Value &total = totals[index * width + i];
        Value more = width == 1 ? loaded : code.element(loaded, unsigned(i));
        if (exists)
          more = code.select(exists, more, nothing);
        total = isFloat ? code.addFloat(total, more) : code.add(total, more);
      }
    }
  };
  Value end = code.add(lastBlock, 1);
  auto loop =
      scf::ForOp::create(code.getBuilder(), code.getLoc(), firstBlock, end, code.constant(atOnce),
                         SmallVector<Value>(sums.size(), nothing),
                         [&](OpBuilder &builder, Location loc, Value block, ValueRange carried) {
                           SmallVector<Value> totals(carried);
                           for (int64_t next = 0; next != atOnce; ++next) {
                             Value other = code.add(block, next);
                             addPart(totals, other, next == 0 ? Value() : code.less(other, end));
                           }
                           scf::YieldOp::create(builder, loc, totals);
                         });
  keepRolled(loop);
  return SmallVector<Value>(loop.getResults());
}

void BlockTiles::finish(const TilePart &part, ArrayRef<Value> sums, ArrayRef<SumPlace> places,
                        function_ref<void(ValueRange)> body) {
  if (!schedule.isStreamed())
    return body(sums);
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Value firstStep = code.multiply(part.tile, stream.steps);
  Value firstBlock = blockOf(firstStep), lastBlock = blockOf(code.add(firstStep, stream.steps - 1));
  // Leaves the part; whether the tile is complete, and if so its sums.
  auto exchange = [&] {
    storePart(part, sums, places);
    Value row = code.rowBlock();
    Value index = code.add(code.multiply(row, stream.tiles), part.tile);
    Value counter = code.advance(buffers.arrivals.pointer, code.multiply(index, 4));
    Value isLast =
        code.isEqual(countArrival(code, counter, shared), code.subtract(lastBlock, firstBlock));
    SmallVector<Value> results = {isLast};
    llvm::append_range(results,
                       code.choose(
                           isLast,
                           [&] {
                             SmallVector<Value> totals =
                                 addParts(firstBlock, lastBlock, firstStep, sums, places);
                             // Ready for the next run.
                             Value thread = NVVM::ThreadIdXOp::create(builder, loc, code.i32());
                             code.when(code.isEqual(thread, code.constant(int64_t(0))),
                                       [&] { code.store(code.constant(int64_t(0)), counter, 4); });
                             return totals;
                           },
                           [&] { return SmallVector<Value>(sums); }));
    return results;
  };
  SmallVector<Value> results;
  if (stream.hasWholeTiles()) {
    Value isWhole = code.isEqual(part.count, code.constant(stream.steps));
    results = code.choose(
        isWhole,
        [&] {
          SmallVector<Value> whole = {isWhole};
          llvm::append_range(whole, sums);
          return whole;
        },
        exchange);
  } else {
    results = exchange();
  }
  code.when(results.front(), [&] { body(ArrayRef(results).drop_front()); });
}
