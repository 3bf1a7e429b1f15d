// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constraints on caches, tables and clips.

#include "CacheOperands.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

LogicalResult qk::verifyCache(Operation *op, Value tensor, const kernels::KVCache &cache) {
  return verifyType(op, "a cache", tensor, {shapeOf(tensor)[0], cache.heads, cache.pageBytes()},
                    IntegerType::get(op->getContext(), 8));
}

LogicalResult qk::verifyRotary(Operation *op, Value cosines, Value sines, int64_t columns) {
  if (bool(cosines) != bool(sines))
    return op->emitOpError() << "expected both cosines and sines or none of them";
  if (!cosines)
    return success();
  Type f32 = Float32Type::get(op->getContext());
  if (failed(verifyType(op, "cosines", cosines, {shapeOf(cosines)[0], columns}, f32)))
    return failure();
  return verifyType(op, "sines", sines, {shapeOf(cosines)[0], columns}, f32);
}

LogicalResult qk::verifyCenter(Operation *op, Value center, int64_t columns) {
  if (!center)
    return success();
  return verifyType(op, "a center", center, {columns}, Float32Type::get(op->getContext()));
}

LogicalResult qk::verifyClip(Operation *op, float clip) {
  if (clip > 0 && clip <= 1)
    return success();
  return op->emitOpError() << "expected a clip above 0 and at most 1, but got " << clip;
}

std::string qk::describeFormats(IntFormatAttr key, IntFormatAttr value) {
  auto describe = [](IntFormatAttr format) {
    return (format.isAsymmetric() ? "uint" : "int") + std::to_string(format.getBits());
  };
  return describe(key) + "_" + describe(value);
}
