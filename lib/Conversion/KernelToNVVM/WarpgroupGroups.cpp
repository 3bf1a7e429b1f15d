// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales and zero points of groups beside wgmma.

#include "WarpgroupGroups.h"

#include "OperandReader.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

/// A number below 256 times this is in every byte of a word.
static constexpr int64_t eachByte = 0x01010101;

/// What the zero point of an input is multiplied by where a group's product is added: -2^scaleLog2
/// times the sum of the column's codes, less the zero point that they have lost. Where inputs have
/// no groups, the sums of codes of all groups are taken off together, at the end.
Value WarpgroupGroups::negativeSum(Value column, Value index, Value zeroPoint) {
  Value sum = code.constant(int64_t(0));
  if (kernel.hasInputGroups)
    sum = place.loadColumn(arguments.weightSums, column, index);
  if (zeroPoint)
    sum = code.subtract(sum, code.multiply(zeroPoint, kernel.groupLength));
  float factor = -float(1 << kernel.scaleLog2(kernels::MmaForm::Int8));
  return code.multiplyFloat(code.intToFloat(sum), code.constant(factor));
}

Value WarpgroupGroups::indexOf(Value tile, int64_t group, bool clamped) {
  Value index = code.add(code.multiply(tile, kernel.groupsOfTile()), group);
  return clamped ? code.minimum(index, code.constant(kernel.groups() - 1)) : index;
}

WarpgroupGroups::Columns WarpgroupGroups::loadColumns(Value tile, int64_t group) {
  // The last tile may have groups beyond the depth, whose sums of products are zero. Where zero
  // points of inputs are taken off, their scales have to be.
  bool mayBeOutside = kernel.depth % kernel.schedule.tileDepth != 0;
  Value index = indexOf(tile, group, mayBeOutside), inside;
  if (mayBeOutside && correctsInputs())
    inside = code.less(indexOf(tile, group, /*clamped=*/false), code.constant(kernel.groups()));
  Columns loaded;
  for (unsigned half = 0; half != 2; ++half) {
    Value column = place.transposedColumn(half);
    Value scale = place.loadColumn(arguments.weightScales, column, index);
    loaded.scales[half] = inside ? code.select(inside, scale, code.constant(0.0f)) : scale;
    Value zeroPoint;
    if (kernel.subtractsZeroPoints()) {
      zeroPoint = place.loadColumn(arguments.weightZeroPoints, column, index);
      loaded.zeroPoints[half] = code.multiply(zeroPoint, eachByte);
    }
    if (correctsInputs())
      loaded.sums[half] = negativeSum(column, index, zeroPoint);
  }
  return loaded;
}

/// What is stored of one row for the groups of a tile: scales, then zero points.
SmallVector<Value> WarpgroupGroups::loadRow(Value tile, Value row) {
  Value ofProduct = code.add(place.tileRow, row);
  auto load = [&](Buffer buffer, int64_t group) {
    if (!kernel.hasInputGroups)
      return place.loadRow(buffer, ofProduct);
    return place.loadInRow(buffer, ofProduct, kernel.groups(),
                           indexOf(tile, group, /*clamped=*/true));
  };
  SmallVector<Value> values;
  for (int64_t group = 0; group != kernel.rowScales(); ++group)
    values.push_back(load(arguments.inputScales, group));
  for (int64_t group = 0; group != kernel.rowZeroPoints(); ++group)
    values.push_back(code.intToFloat(load(arguments.inputZeroPoints, group)));
  return values;
}

/// Values of the next tile are on their way while a stage is waited for.
void WarpgroupGroups::fillRows(int64_t first) {
  if (!bringsRows())
    return;
  int64_t threads = 32 * fillingWarps, tileRows = kernel.schedule.tileRows;
  Value thread = code.subtract(place.thread, code.constant(first));
  SmallVector<Value> rows;
  for (int64_t row = 0; row < tileRows; row += threads)
    rows.push_back(code.add(thread, row));
  auto loadAll = [&](Value tile) {
    SmallVector<Value> values;
    for (Value row : rows)
      values.append(loadRow(tile, row));
    return values;
  };
  auto body = [&](Value tile, ValueRange carried) -> SmallVector<Value> {
    BarrierRing::Turn turn{carried[0], carried[1]};
    SmallVector<Value> following = loadAll(code.add(tile, 1));
    ring.waitUntilEmpty(turn);
    Value stage = code.advance(rowValues, code.multiply(turn.stage, kernel.rowValueBytes()));
    ValueRange values = carried.drop_front(2);
    size_t ofRow = values.size() / rows.size();
    for (auto [i, row] : llvm::enumerate(rows))
      code.when(code.less(row, code.constant(tileRows)), [&, i = i, row = row] {
        Value to = code.advance(stage, code.shiftLeft(row, 2));
        for (auto [j, value] : llvm::enumerate(values.slice(i * ofRow, ofRow)))
          code.store(value, code.advance(to, int64_t(j) * tileRows * 4), 4);
      });
    NVVM::SyncWarpOp::create(code.getBuilder(), code.getLoc(), code.constant(int64_t(-1)));
    code.when(code.isEqual(place.lane, code.constant(int64_t(0))),
              [&] { ring.arrive(turn.stage); });
    BarrierRing::Turn next = ring.next(turn);
    following.insert(following.begin(), {next.stage, next.parity});
    return following;
  };
  code.when(code.less(code.constant(first - 1), place.thread), [&] {
    BarrierRing::Turn start = ring.firstToFill();
    SmallVector<Value> initial = {start.stage, start.parity};
    initial.append(loadAll(code.constant(int64_t(0))));
    code.repeat(0, kernel.tiles(), initial, body);
  });
}

Words WarpgroupGroups::unpack(int64_t group, std::array<Value, 2> packed) {
  std::array<UnpackedWord, 2> halves;
  for (unsigned i = 0; i != 2; ++i) {
    if (!kernel.subtractsZeroPoints()) {
      halves[i] = unpackHalves(code, packed[i]);
      continue;
    }
    // The upper bit of each byte keeps it from borrowing from the next.
    constexpr int64_t lowerHalves = 0x0f0f0f0f, upperBits = 0x80808080;
    auto subtract = [&](Value word) {
      Value above = code.bitOr(code.bitAnd(word, lowerHalves), code.constant(upperBits));
      return code.bitXor(code.subtract(above, columns[size_t(group)].zeroPoints[i]),
                         code.constant(upperBits));
    };
    halves[i] = {subtract(packed[i]), subtract(code.shiftRight(packed[i], 4))};
  }
  return {halves[0].low, halves[1].low, halves[0].high, halves[1].high};
}

void WarpgroupGroups::beginTile(Value tile, Value stage) {
  columns.clear();
  for (int64_t group = 0; group != kernel.groupsOfTile(); ++group)
    columns.push_back(loadColumns(tile, group));
  if (bringsRows())
    ofLane = code.advance(code.advance(rowValues, code.multiply(stage, kernel.rowValueBytes())),
                          code.shiftLeft(code.bitAnd(place.lane, 3), 3));
}

std::array<Value, 2> WarpgroupGroups::loadPair(int64_t value, int64_t block) {
  int64_t offset = (value * kernel.schedule.tileRows + block * 8) * 4;
  Value loaded = code.load(VectorType::get(2, code.f32()), code.advance(ofLane, offset), 8);
  return {code.element(loaded, 0), code.element(loaded, 1)};
}

void WarpgroupGroups::add(int64_t group, ValueRange products, MutableArrayRef<Value> sums) {
  const Columns &ofGroup = columns[size_t(group)];
  for (int64_t block = 0; block != kernel.wholeSide() / 8; ++block) {
    std::array<Value, 2> scales, zeroPoints;
    if (kernel.hasInputGroups)
      scales = loadPair(group, block);
    if (correctsInputs())
      zeroPoints = loadPair(kernel.rowScales() + (kernel.hasInputGroups ? group : 0), block);
    for (unsigned i = 0; i != 4; ++i) {
      size_t index = size_t(block) * 4 + i;
      Value value = code.intToFloat(products[index]), scale = ofGroup.scales[i / 2];
      if (zeroPoints[i % 2])
        value = code.multiplyAdd(zeroPoints[i % 2], ofGroup.sums[i / 2], value);
      if (scales[i % 2])
        scale = code.multiplyFloat(scales[i % 2], scale);
      sums[index] = code.multiplyAdd(value, scale, sums[index]);
    }
  }
}
