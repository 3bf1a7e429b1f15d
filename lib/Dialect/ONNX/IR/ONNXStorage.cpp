// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many bytes ONNX's raw layout takes.

#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

std::optional<unsigned> qllm::onnx::storageBits(Type type) {
  if (auto complex = dyn_cast<ComplexType>(type)) {
    std::optional<unsigned> part = storageBits(complex.getElementType());
    return part ? std::optional<unsigned>(2 * *part) : std::nullopt;
  }
  if (!type.isIntOrFloat())
    return std::nullopt;
  unsigned bits = type.getIntOrFloatBitWidth();
  switch (bits) {
  case 1:
    return 8;
  // Integers of widths that ONNX lacks lie extended in the next wider one it has (docs/formats/packing.md).
  case 3:
    return 4;
  case 5:
  case 7:
    return 8;
  case 6:
    return isa<IntegerType>(type) ? 8 : 6;
  case 2:
  case 4:
  case 8:
  case 16:
  case 32:
  case 64:
    return bits;
  default:
    return std::nullopt;
  }
}

std::optional<uint64_t> qllm::onnx::storageBytes(ShapedType type) {
  std::optional<unsigned> bits = storageBits(type.getElementType());
  if (!bits || !type.hasStaticShape())
    return std::nullopt;
  uint64_t total = *bits;
  for (int64_t size : type.getShape()) {
    bool overflow = false;
    total = llvm::SaturatingMultiply(total, static_cast<uint64_t>(size), &overflow);
    if (overflow)
      return std::nullopt;
  }
  return total / 8 + (total % 8 != 0);
}
