// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The dialect and the format library must agree on how codes lie in memory.

#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Format/Packing.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/APFloat.h"

#include <gtest/gtest.h>

using namespace qllm;

namespace {

// The builtin type whose values are the codes of a format.
mlir::Type elementType(mlir::MLIRContext *context, const ElementFormat &format) {
  if (format.isInteger() || format.kind() == ElementKind::Ternary)
    return mlir::IntegerType::get(context, format.bits(),
                                  format.isSignExtended() ? mlir::IntegerType::Signless
                                                          : mlir::IntegerType::Unsigned);
  if (format.name() == "e4m3")
    return mlir::Float8E4M3FNType::get(context);
  if (format.name() == "e5m2")
    return mlir::Float8E5M2Type::get(context);
  if (format.name() == "e3m2")
    return mlir::Float6E3M2FNType::get(context);
  if (format.name() == "e2m3")
    return mlir::Float6E2M3FNType::get(context);
  if (format.name() == "e2m1")
    return mlir::Float4E2M1FNType::get(context);
  if (format.name() == "ue8m0")
    return mlir::Float8E8M0FNUType::get(context);
  return mlir::IntegerType::get(context, 4, mlir::IntegerType::Unsigned); // nf4
}

// Every code of every format, as a dense constant and through packCodes: the same bytes.
TEST(Storage, DenseConstantsLieAsPackedCodes) {
  mlir::MLIRContext context;
  context.loadDialect<onnx::ONNXDialect>();
  for (const ElementFormat &format : ElementFormat::all()) {
    mlir::Type element = elementType(&context, format);
    std::vector<std::uint8_t> raw(format.codeCount() + 1), codes(raw.size());
    for (std::size_t i = 0; i != raw.size(); ++i)
      raw[i] = static_cast<std::uint8_t>(i % format.codeCount());
    std::vector<std::uint8_t> packed(packedSize(format, raw.size()));
    ASSERT_TRUE(packCodes(format, raw, packed).ok());
    ASSERT_TRUE(unpackCodes(format, packed, codes).ok()); // extended
    ASSERT_TRUE(packCodes(format, codes, packed).ok());

    auto type = mlir::RankedTensorType::get(static_cast<std::int64_t>(raw.size()), element);
    std::vector<llvm::APInt> integers;
    std::vector<llvm::APFloat> floats;
    for (std::uint8_t code : raw) {
      llvm::APInt bits(format.bits(), code);
      integers.push_back(bits);
      if (auto floatType = llvm::dyn_cast<mlir::FloatType>(element))
        floats.emplace_back(floatType.getFloatSemantics(), bits);
    }
    auto dense = floats.empty() ? mlir::DenseElementsAttr::get(type, integers)
                                : mlir::DenseElementsAttr::get(type, floats);
    EXPECT_EQ(onnx::storageBits(element), format.storageBits()) << format.name().data();
    EXPECT_EQ(onnx::storageBytes(type), packed.size());
    llvm::SmallVector<char> scratch;
    auto bytes = onnx::DataFiles::get(&context).bytes(dense, scratch);
    ASSERT_TRUE(static_cast<bool>(bytes)) << llvm::toString(bytes.takeError());
    EXPECT_TRUE(
        std::equal(packed.begin(), packed.end(), bytes->begin(), bytes->end(),
                   [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }))
        << format.name().data();
  }
}

} // namespace
