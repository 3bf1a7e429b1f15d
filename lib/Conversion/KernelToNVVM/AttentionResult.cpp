// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Through shared memory: each warp leaves its sums, then each thread adds four neighbours of all
// warps in their order.

#include "AttentionResult.h"

#include "FloatMath.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

namespace {

class ResultEmitter {
public:
  ResultEmitter(CodeBuilder &code, AttentionOp op, const KernelFunction &function,
                const AttentionPlace &place, Value shared)
      : code(code), op(op), tile(tileOf(op)), kernel(tile.kernel), function(function), place(place),
        shared(shared) {}

  void leave(const WarpSums &sums);
  void collect();

private:
  static constexpr int64_t neighbours = 4;

  /// Sums of one row over all warps.
  struct RowSums {
    Value greatest, weights;
    SmallVector<Value> values;
  };
  RowSums addWarps(Value row, Value column);
  void storeResult(const RowSums &sums, const TileRow &row, Value column);
  void storeSplit(const RowSums &sums, const TileRow &row, Value column);

  CodeBuilder &code;
  AttentionOp op;
  kernels::AttentionTile tile;
  kernels::AttentionKernel kernel;
  const KernelFunction &function;
  const AttentionPlace &place;
  Value shared;
};

} // namespace

void ResultEmitter::leave(const WarpSums &sums) {
  Value own = code.advance(shared, code.multiply(place.warp, tile.warpBytes()));
  Value quarter = code.bitAnd(place.lane, 3);
  size_t rows = sums.greatest.size();
  for (size_t i = 0; i != rows; ++i) {
    Value row = code.add(code.shiftRight(place.lane, 2), int64_t(8 * i));
    Value offset = code.add(code.multiply(row, tile.rowPitch() * 4), code.multiply(quarter, 8));
    Value pointer = code.advance(own, offset);
    for (size_t block = 0; block != sums.values.size() / (2 * rows); ++block)
      code.store(
          code.pair(sums.values[(block * rows + i) * 2], sums.values[(block * rows + i) * 2 + 1]),
          code.advance(pointer, int64_t(block) * 32), 8);
    code.when(code.isEqual(quarter, code.constant(int64_t(0))), [&] {
      Value statistics =
          code.advance(code.advance(own, tile.statisticsAt()), code.multiply(row, 8));
      code.store(code.pair(sums.greatest[i], sums.weights[i]), statistics, 8);
    });
  }
}

ResultEmitter::RowSums ResultEmitter::addWarps(Value row, Value column) {
  SmallVector<Value> greatest, weights;
  RowSums sums;
  for (int64_t warp = 0; warp != kernel.warps; ++warp) {
    Value pair = code.load(VectorType::get(2, code.f32()),
                           code.advance(code.advance(shared, code.multiply(row, 8)),
                                        warp * tile.warpBytes() + tile.statisticsAt()),
                           8);
    greatest.push_back(code.element(pair, 0));
    weights.push_back(code.element(pair, 1));
    sums.greatest =
        warp == 0 ? greatest.back() : floats::maximum(code, sums.greatest, greatest.back());
  }
  sums.weights = code.constant(0.0f);
  sums.values.assign(neighbours, code.constant(0.0f));
  Value offset = code.add(code.multiply(row, tile.rowPitch() * 4), code.multiply(column, 4));
  for (int64_t warp = 0; warp != kernel.warps; ++warp) {
    Value factor = floats::exp2(code, code.subtractFloat(greatest[warp], sums.greatest));
    Value vector =
        code.load(VectorType::get(neighbours, code.f32()),
                  code.advance(code.advance(shared, offset), warp * tile.warpBytes()), 16);
    sums.weights = code.multiplyAdd(factor, weights[warp], sums.weights);
    for (unsigned i = 0; i != neighbours; ++i)
      sums.values[i] = code.multiplyAdd(factor, code.element(vector, i), sums.values[i]);
  }
  return sums;
}

void ResultEmitter::storeResult(const RowSums &sums, const TileRow &row, Value column) {
  Value reciprocal = floats::divide(code, code.constant(1.0f), sums.weights);
  SmallVector<Value> values;
  for (Value value : sums.values)
    values.push_back(code.multiplyFloat(value, reciprocal));
  int64_t size = kernel.cache.headSize;
  Value element =
      code.add(code.multiply(code.extend64(row.query), code.constant64(kernel.heads * size)),
               code.extend64(code.add(code.multiply(row.head, size), column)));
  floats::store(code, values, function[op.getResult(0)], element);
}

void ResultEmitter::storeSplit(const RowSums &sums, const TileRow &row, Value column) {
  int64_t size = kernel.cache.headSize;
  Value splitRow =
      code.add(code.multiply(code.extend64(place.split), code.extend64(function.size(0))),
               code.extend64(row.query));
  Value head =
      code.add(code.multiply(splitRow, code.constant64(kernel.heads)), code.extend64(row.head));
  Value element = code.add(code.multiply(head, code.constant64(size)), code.extend64(column));
  floats::store(code, sums.values, function[op.getResult(0)], element);
  code.when(code.isEqual(column, code.constant(int64_t(0))), [&] {
    Value pointer =
        code.advance(function[op.getResult(1)].pointer, code.multiply(head, code.constant64(8)));
    code.store(code.pair(sums.greatest, sums.weights), pointer, 8);
  });
}

void ResultEmitter::collect() {
  int64_t piecesOfRow = kernel.cache.headSize / neighbours;
  int64_t pieces = tile.usedRows() * piecesOfRow;
  for (int64_t first = 0; first < pieces; first += kernel.threads()) {
    Value piece = code.add(place.thread, first);
    Value index = code.divide(piece, piecesOfRow);
    Value column = code.multiply(code.remainder(piece, piecesOfRow), neighbours);
    TileRow row = findRow(code, tile, index, place, function.size(0));
    code.when(row.exists, [&] {
      RowSums sums = addWarps(index, column);
      kernel.splits == 1 ? storeResult(sums, row, column) : storeSplit(sums, row, column);
    });
  }
}

void qllm::emitAttentionResult(CodeBuilder &code, AttentionOp op, const KernelFunction &function,
                               const AttentionPlace &place, const WarpSums &sums, Value shared) {
  ResultEmitter emitter(code, op, function, place, shared);
  emitter.leave(sums);
  NVVM::Barrier0Op::create(code.getBuilder(), code.getLoc());
  emitter.collect();
}
