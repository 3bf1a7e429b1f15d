// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's lowering gives an i4 of a memref a byte of its own, kernels give it half of one: packed
// codes are bytes here.

#include "DeviceType.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

/// Two elements to a byte.
static MemRefType packedType(RankedTensorType type) {
  Type byte = IntegerType::get(type.getContext(), 8);
  SmallVector<int64_t> shape(type.getShape());
  if (!shape.empty() && !ShapedType::isDynamic(shape.back()) && shape.back() % 2 == 0) {
    shape.back() /= 2;
    return MemRefType::get(shape, byte);
  }
  if (!type.hasStaticShape())
    return nullptr;
  return MemRefType::get({int64_t(llvm::divideCeil(type.getNumElements(), 2))}, byte);
}

MemRefType qllm::deviceTypeOf(Type tensor) {
  auto type = dyn_cast<RankedTensorType>(tensor);
  if (!type || !type.getElementType().isIntOrFloat())
    return nullptr;
  unsigned bits = type.getElementTypeBitWidth();
  if (bits == 4)
    return packedType(type);
  if (bits != 8 && bits != 16 && bits != 32 && bits != 64)
    return nullptr;
  Type element = type.getElementType();
  if (element.isInteger())
    element = IntegerType::get(type.getContext(), bits);
  return MemRefType::get(type.getShape(), element);
}

int64_t qllm::rowBytesOf(MemRefType type) {
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  for (int64_t size : type.getShape().drop_front())
    bytes *= size;
  return bytes;
}
