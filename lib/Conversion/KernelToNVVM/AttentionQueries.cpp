// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows are rotated and quantized by the four lanes that share them.

#include "AttentionQueries.h"

#include "FloatMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

static constexpr int64_t distances[] = {1, 2};
static constexpr double log2e = 1.4426950408889634;

TileRow qllm::findRow(CodeBuilder &code, const kernels::AttentionTile &tile, Value index,
                      const AttentionPlace &place, Value rows) {
  int64_t group = tile.kernel.groupSize();
  Value wanted = code.add(code.multiply(place.tile, tile.queries), code.divide(index, group));
  Value inTile = code.less(index, code.constant(tile.usedRows()));
  return {code.minimum(wanted, code.add(rows, -1)),
          code.add(code.multiply(place.head, group), code.remainder(index, group)),
          code.both(inTile, code.less(wanted, rows)), Value()};
}

AttentionQueries::AttentionQueries(CodeBuilder &code, AttentionOp op,
                                   const KernelFunction &function, const AttentionPlace &place,
                                   Value shared)
    : code(code), op(op), tile(tileOf(op)), kernel(tile.kernel), function(function),
      laneOfWarp(place.lane) {
  int64_t count = kernel.cache.headSize / 8;
  part = {kernel.cache.headSize, count, code.multiply(code.bitAnd(place.lane, 3), count)};
  own = code.advance(shared, code.multiply(place.lane, tile.queryWords() * 4));
  SmallVector<SmallVector<Value>, 2> elements(tile.halves());
  for (auto [i, values] : llvm::enumerate(elements)) {
    Value index = code.add(code.shiftRight(place.lane, 2), int64_t(8 * i));
    rows.push_back({findRow(code, tile, index, place, function.size(0)), {}, {}});
    readRow(rows.back(), values);
  }
  code.when(code.isEqual(place.warp, code.constant(int64_t(0))), [&] {
    for (int64_t step = 0; step != tile.steps(); ++step)
      store(makeFragment(elements, step), step);
  });
  NVVM::Barrier0Op::create(code.getBuilder(), code.getLoc());
  findLastPosition();
}

void AttentionQueries::findLastPosition() {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  // Rows are the lanes at distances 4 and more; those outside repeat the last query.
  Value last = rows.front().row.position;
  if (rows.size() == 2)
    last = arith::MaxSIOp::create(builder, loc, last, rows[1].row.position);
  for (int64_t distance : {4, 8, 16}) {
    Value other = NVVM::ShflOp::create(builder, loc, code.i32(), code.constant(int64_t(-1)), last,
                                       code.constant(distance), code.constant(int64_t(31)),
                                       NVVM::ShflKind::bfly, UnitAttr());
    last = arith::MaxSIOp::create(builder, loc, last, other);
  }
  lastPosition = last;
}

void AttentionQueries::readRow(LaneRow &lane, SmallVector<Value> &elements) {
  TileRow &row = lane.row;
  row.position = code.loadConstant(
      code.i32(), code.advance(function[op.getPositions()].pointer, code.multiply(row.query, 4)),
      4);
  Value column = code.multiply(row.head, kernel.cache.headSize);
  Value head = code.add(code.multiply(code.extend64(row.query),
                                      code.constant64(kernel.heads * kernel.cache.headSize)),
                        code.extend64(column));
  HeadValues values = loadHead(code, function[op.getQuery()], head, part);
  HeadValues center = subtractCenter(code, values, function[op.getCenter()], column, part);
  for (HeadValues *turned : {&values, &center}) {
    if (turned->empty())
      continue;
    rotateHead(code, *turned, function[op.getCosines()], function[op.getSines()], row.position,
               part);
    if (op.getHadamard())
      multiplyHadamard(code, *turned, laneOfWarp, part);
  }
  double scale = -double(op.getScale().convertToFloat()) * log2e;
  lane.factor = code.constant(float(scale));
  if (op.getQueryFormat()) {
    QuantizedHead quantized =
        quantizeHead(code, values, *op.getQueryFormat(), op.getRangeClip(), distances);
    values = quantized.centred;
    if (center.empty())
      lane.factor = code.multiplyFloat(quantized.scale, lane.factor);
    for (auto [value, constant] : llvm::zip(values, center))
      value = code.addFloat(code.multiplyFloat(value, quantized.scale), constant);
  }
  Value sum = values.front();
  for (Value value : ArrayRef(values).drop_front())
    sum = code.addFloat(sum, value);
  lane.sum = floats::reduce(code, sum, distances, floats::sum);
  elements.assign(values.begin(), values.end());
}

SplitWords AttentionQueries::makeFragment(ArrayRef<SmallVector<Value>> elements, int64_t step) {
  auto element = [&](ArrayRef<Value> values, int64_t i) {
    // A word of 4-bit codes gives the even codes and then the odd ones.
    return kernel.cache.keyBits == 4 ? values[step / 2 * 8 + step % 2 + 2 * i]
                                     : values[step * 4 + i];
  };
  SmallVector<std::array<Value, 2>, 4> pairs;
  for (int64_t i : {0, 2})
    for (ArrayRef<Value> values : elements)
      pairs.push_back({element(values, i), element(values, i + 1)});
  // Integers of up to 8 bits are bf16.
  return splitPairs(code, pairs, !tile.splitQueries);
}

void AttentionQueries::store(const SplitWords &fragment, int64_t step) {
  OpBuilder &builder = code.getBuilder();
  for (auto [part, words] : llvm::enumerate(fragment.parts())) {
    Value vector =
        LLVM::PoisonOp::create(builder, code.getLoc(), VectorType::get(words.size(), code.i32()));
    for (auto [i, word] : llvm::enumerate(words))
      vector = LLVM::InsertElementOp::create(builder, code.getLoc(), vector, word,
                                             code.constant(int64_t(i)));
    int64_t offset = step * tile.stepBytes() + int64_t(part) * tile.fragmentBytes();
    code.store(vector, code.advance(own, offset), unsigned(words.size() * 4));
  }
}

SplitWords AttentionQueries::read(int64_t step) {
  SplitWords fragment;
  auto load = [&](Words &words, int64_t offset) {
    Value vector = code.load(VectorType::get(tile.queryWords(), code.i32()),
                             code.advance(own, step * tile.stepBytes() + offset),
                             unsigned(tile.queryWords() * 4));
    for (int64_t i = 0; i != tile.queryWords(); ++i)
      words.push_back(code.element(vector, unsigned(i)));
  };
  load(fragment.nearest, 0);
  if (tile.splitQueries)
    load(fragment.rest, tile.fragmentBytes());
  return fragment;
}
