// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.attention, and its description apart from tensors.

#include "CacheOperands.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/AttentionTile.h"

#include <cmath>

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

/// attention_c6
static LogicalResult verifyResults(AttentionOp op) {
  ArrayRef<int64_t> query = shapeOf(op.getQuery());
  int64_t splits = op.getSplits();
  if (size_t wanted = splits == 1 ? 1 : 2; op.getNumResults() != wanted)
    return op.emitOpError() << "expected " << wanted << " results for " << splits
                            << " splits, but got " << op.getNumResults();
  if (splits == 1)
    return verifyType(op, "a result", op.getResult(0), query,
                      cast<RankedTensorType>(op.getResult(0).getType()).getElementType());
  Type f32 = Float32Type::get(op.getContext());
  if (failed(verifyType(op, "sums", op.getResult(0), {splits, query[0], query[1]}, f32)))
    return failure();
  return verifyType(op, "statistics", op.getResult(1),
                    {splits, query[0], 2 * int64_t(op.getHeads())}, f32);
}

LogicalResult AttentionOp::verify() {
  ArrayRef<int64_t> query = shapeOf(getQuery()), cache = shapeOf(getCache());
  int64_t heads = getHeads();
  // attention_c1
  if (ShapedType::isDynamic(query[1]) || heads < 1 || query[1] % heads != 0)
    return emitOpError() << "expected columns of queries that heads divide, but got "
                         << getQuery().getType() << " and " << heads << " heads";
  Type i32 = IntegerType::get(getContext(), 32);
  if (failed(verifyType(*this, "positions", getPositions(), {query[0]}, i32)))
    return failure();
  // attention_c2, attention_c3
  if (ShapedType::isDynamic(cache[1]) || cache[1] < 1)
    return emitOpError() << "expected a cache with a static number of heads, but got "
                         << getCache().getType();
  kernels::AttentionKernel kernel = getKernel();
  if (FormatStatus status = kernel.verify(); !status)
    return emitOpError() << status.message();
  if (failed(verifyCache(*this, getCache(), kernel.cache)) ||
      failed(verifyRotary(*this, getCosines(), getSines(), kernel.cache.headSize / 2))) // c4
    return failure();
  // attention_c5
  if (failed(verifyClip(*this, getRangeClip())))
    return failure();
  if (getClip() && !getQueryFormat())
    return emitOpError() << "expected a format of queries beside a clip, but got none";
  if (float scale = getScale().convertToFloat(); !(scale > 0) || !std::isfinite(scale))
    return emitOpError() << "expected a positive finite scale, but got " << scale;
  // attention_c7
  if (failed(verifyCenter(*this, getCenter(), query[1])))
    return failure();
  if (getCenter() && !getQueryFormat())
    return emitOpError() << "expected a format of queries beside a center, but got none";
  return verifyResults(*this);
}

kernels::AttentionKernel AttentionOp::getKernel() {
  return {cacheOf(*this, shapeOf(getQuery())[1] / int64_t(getHeads())), int64_t(getHeads()),
          int64_t(getWarps()), int64_t(getSplits())};
}

kernels::AttentionTile qk::tileOf(AttentionOp op) {
  int64_t rows = shapeOf(op.getQuery())[0];
  // Codes are bf16, what they stand for is not.
  bool splitQueries = !op.getQueryFormat() || op.getQueryFormat()->isAsymmetric() || op.getCenter();
  return kernels::AttentionTile::of(op.getKernel(), ShapedType::isDynamic(rows) ? 0 : rows,
                                    splitQueries);
}

std::string AttentionOp::describeKernel() {
  kernels::AttentionKernel kernel = getKernel();
  return "attention_" + describeFormats(getKeyFormat(), getValueFormat()) + "_h" +
         std::to_string(kernel.heads) + "_" + std::to_string(kernel.cache.heads) + "_d" +
         std::to_string(kernel.cache.headSize);
}

SmallVector<Type> AttentionOp::getKernelTypes() {
  SmallVector<Type> types;
  for (Value value : getOperands())
    types.push_back(withoutRows(value.getType()));
  // A smaller tile is other code.
  if (kernels::AttentionTile tile = tileOf(*this); tile.queries != tile.kernel.queriesOfTile())
    types.front() = getQuery().getType();
  // With splits, the second dimension is the one of rows.
  for (Value value : getResults())
    types.push_back(cast<RankedTensorType>(value.getType()).getElementType());
  return types;
}

GeometryAttr AttentionOp::getGeometryOn(const kernels::Target &) {
  kernels::AttentionKernel kernel = getKernel();
  kernels::AttentionTile tile = tileOf(*this);
  return GeometryAttr::get(getContext(), kernel.cache.heads, tile.queries, kernel.splits,
                           kernel.threads(), tile.sharedBytes(), /*cluster=*/1,
                           /*column_cluster=*/1, {});
}
