// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows are rotated and quantized by the four lanes that share them.

#include "AttentionQueries.h"

#include "FloatMath.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

#include <cmath>

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

static constexpr int64_t distances[] = {1, 2};
static constexpr double log2e = 1.4426950408889634;

TileRow qllm::findRow(CodeBuilder &code, const kernels::AttentionKernel &kernel, Value index,
                      Value tile, Value head, Value rows) {
  int64_t group = kernel.groupSize(), queries = kernel.queriesOfTile();
  Value wanted = code.add(code.multiply(tile, queries), code.divide(index, group));
  Value inTile = code.less(index, code.constant(queries * group));
  return {code.minimum(wanted, code.add(rows, -1)),
          code.add(code.multiply(head, group), code.remainder(index, group)),
          code.both(inTile, code.less(wanted, rows)), Value()};
}

AttentionQueries::AttentionQueries(CodeBuilder &code, AttentionOp op,
                                   const KernelFunction &function, Value lane, Value tile,
                                   Value head)
    : code(code), op(op), kernel(op.getKernel()), function(function) {
  int64_t count = kernel.cache.headSize / 8;
  part = {kernel.cache.headSize, count, code.multiply(code.bitAnd(lane, 3), count)};
  std::array<SmallVector<Value>, 2> elements;
  for (unsigned i = 0; i != 2; ++i) {
    Value index = code.add(code.shiftRight(lane, 2), int64_t(8 * i));
    rows[i].row = findRow(code, kernel, index, tile, head, function.size(0));
    readRow(rows[i], elements[i]);
  }
  makeFragments(elements[0], elements[1]);
  // Rows are the lanes at distances 4 and more; those outside repeat the last query.
  Value last = arith::MaxSIOp::create(code.getBuilder(), code.getLoc(), rows[0].row.position,
                                      rows[1].row.position);
  for (int64_t distance : {4, 8, 16}) {
    Value other = NVVM::ShflOp::create(
        code.getBuilder(), code.getLoc(), code.i32(), code.constant(int64_t(-1)), last,
        code.constant(distance), code.constant(int64_t(31)), NVVM::ShflKind::bfly, UnitAttr());
    last = arith::MaxSIOp::create(code.getBuilder(), code.getLoc(), last, other);
  }
  lastPosition = last;
}

void AttentionQueries::readRow(LaneRow &lane, SmallVector<Value> &elements) {
  TileRow &row = lane.row;
  row.position = code.loadConstant(
      code.i32(), code.advance(function[op.getPositions()].pointer, code.multiply(row.query, 4)),
      4);
  Value head = code.add(code.multiply(code.extend64(row.query),
                                      code.constant64(kernel.heads * kernel.cache.headSize)),
                        code.extend64(code.multiply(row.head, kernel.cache.headSize)));
  HeadValues values = loadHead(code, function[op.getQuery()], head, part);
  rotateHead(code, values, function[op.getCosines()], function[op.getSines()], row.position, part);
  double scale = double(op.getScale().convertToFloat()) * log2e;
  lane.factor = code.constant(float(scale));
  if (op.getQueryFormat()) {
    QuantizedHead quantized =
        quantizeHead(code, values, *op.getQueryFormat(), op.getRangeClip(), distances);
    lane.factor = code.multiplyFloat(quantized.scale, lane.factor);
    values = quantized.centred;
  }
  Value sum = values.front();
  for (Value value : ArrayRef(values).drop_front())
    sum = code.addFloat(sum, value);
  lane.sum = floats::reduce(code, sum, distances, floats::sum);
  elements.assign(values.begin(), values.end());
}

void AttentionQueries::makeFragments(ArrayRef<Value> first, ArrayRef<Value> second) {
  // Integers of up to 8 bits are bf16.
  bool isExact = op.getQueryFormat() && !op.getQueryFormat()->isAsymmetric();
  int64_t steps = kernel.cache.headSize / 16;
  for (int64_t step = 0; step != steps; ++step) {
    auto element = [&](ArrayRef<Value> values, int64_t i) {
      // A word of 4-bit codes gives the even codes and then the odd ones.
      return kernel.cache.keyBits == 4 ? values[step / 2 * 8 + step % 2 + 2 * i]
                                       : values[step * 4 + i];
    };
    auto pair = [&](ArrayRef<Value> values, int64_t i) {
      return std::array<Value, 2>{element(values, i), element(values, i + 1)};
    };
    fragments.push_back(splitPairs(
        code, {pair(first, 0), pair(second, 0), pair(first, 2), pair(second, 2)}, isExact));
  }
}
