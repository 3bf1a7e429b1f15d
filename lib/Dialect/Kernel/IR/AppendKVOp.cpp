// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints of qk.append_kv, and its description apart from tensors.

#include "CacheOperands.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult AppendKVOp::verify() {
  ArrayRef<int64_t> key = shapeOf(getKey()), cache = shapeOf(getCache());
  // append_kv_c1
  if (getKey().getType() != getValue().getType())
    return emitOpError() << "expected keys and values of one type, but got " << getKey().getType()
                         << " and " << getValue().getType();
  if (ShapedType::isDynamic(key[1]) || ShapedType::isDynamic(cache[1]) || cache[1] < 1 ||
      key[1] % cache[1] != 0)
    return emitOpError() << "expected columns of keys that the heads of the cache divide, but got "
                         << getKey().getType() << " and " << getCache().getType();
  Type i32 = IntegerType::get(getContext(), 32);
  if (failed(verifyType(*this, "positions", getPositions(), {key[0]}, i32)))
    return failure();
  // append_kv_c3
  kernels::KVCache described = getKernel().cache;
  if (FormatStatus status = described.verify(); !status)
    return emitOpError() << status.message();
  // append_kv_c2
  if (failed(verifyCache(*this, getCache(), described)))
    return failure();
  if (getResult().getType() != getCache().getType())
    return emitOpError() << "expected a result of the type " << getCache().getType()
                         << " of the cache, but got " << getResult().getType();
  // append_kv_c4, append_kv_c5, append_kv_c6
  if (failed(verifyRotary(*this, getCosines(), getSines(), described.headSize / 2)) ||
      failed(verifyClip(*this, getRangeClip())))
    return failure();
  return verifyCenter(*this, getCenter(), key[1]);
}

kernels::AppendKernel AppendKVOp::getKernel() {
  return {cacheOf(*this, shapeOf(getKey())[1] / shapeOf(getCache())[1])};
}

std::string AppendKVOp::describeKernel() {
  kernels::KVCache cache = getKernel().cache;
  return "append_kv_" + describeFormats(getKeyFormat(), getValueFormat()) + "_h" +
         std::to_string(cache.heads) + "_d" + std::to_string(cache.headSize);
}

SmallVector<Type> AppendKVOp::getKernelTypes() {
  SmallVector<Type> types;
  for (Value value : getOperands())
    types.push_back(withoutRows(value.getType()));
  return types;
}

SmallVector<int64_t> AppendKVOp::getInPlaceResults() { return {0, 2}; }

GeometryAttr AppendKVOp::getGeometryOn(const kernels::Target &) {
  kernels::AppendKernel kernel = getKernel();
  return GeometryAttr::get(getContext(), kernel.columns(), kernel.rowsOfBlock, /*layers=*/1,
                           kernel.threads(), /*shared=*/0, /*cluster=*/1, /*column_cluster=*/1, {});
}
