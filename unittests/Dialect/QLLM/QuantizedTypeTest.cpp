// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The C++ side of the type: what it says in bits and shapes agrees with the format library, and it
// refuses quietly what does not fit.

#include "mlir/IR/MLIRContext.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Format/ElementFormat.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace qllm;

namespace {

class QuantizedTypeTest : public ::testing::Test {
protected:
  QuantizedTypeTest() { context.loadDialect<QLLMDialect>(); }

  std::vector<ElementFormatAttrInterface> allFormats() {
    std::vector<Attribute> attributes;
    for (unsigned bits = 2; bits <= 8; ++bits)
      for (bool asymmetric : {false, true})
        attributes.push_back(IntFormatAttr::get(&context, bits, asymmetric));
    for (uint64_t kind = 0; kind <= getMaxEnumValForFloatKind(); ++kind)
      attributes.push_back(FloatFormatAttr::get(&context, FloatKind(kind)));
    attributes.push_back(CodebookFormatAttr::get(&context, CodebookKind::NF4));
    attributes.push_back(TernaryFormatAttr::get(&context));
    std::vector<ElementFormatAttrInterface> formats;
    for (Attribute attribute : attributes)
      formats.push_back(cast<ElementFormatAttrInterface>(attribute));
    return formats;
  }

  MLIRContext context;
};

TEST_F(QuantizedTypeTest, FormatsAgreeWithTheFormatLibrary) {
  for (ElementFormatAttrInterface format : allFormats()) {
    const ElementFormat *element = ElementFormat::lookup(format.getFormatName());
    ASSERT_NE(element, nullptr) << format.getFormatName();
    EXPECT_EQ(format.getBitWidth(), element->bits()) << format.getFormatName();
    EXPECT_EQ(format.getStorageType().getIntOrFloatBitWidth(), element->storageBits());
    EXPECT_EQ(format.isSigned(),
              element->minFinite() < 0 && element->kind() != ElementKind::Codebook);
  }
}

TEST_F(QuantizedTypeTest, IntegerCodes) {
  for (unsigned bits = 2; bits <= 8; ++bits)
    for (bool asymmetric : {false, true}) {
      auto format = IntFormatAttr::get(&context, bits, asymmetric);
      const ElementFormat *element = ElementFormat::integer(bits, !asymmetric);
      EXPECT_EQ(format.getMinCode(), int64_t(element->minFinite()));
      EXPECT_EQ(format.getMaxCode(), int64_t(element->maxFinite()));
    }
}

TEST_F(QuantizedTypeTest, CloneKeepsTheEncodingOrRefuses) {
  ElementFormatAttrInterface format = allFormats().front();
  auto type = QuantizedType::get({8, 64}, format, GranularityAttr::group(&context, 1, 32),
                                 ScaleEncoding::F16);
  QuantizedType wider = type.cloneWithShape({4, 96});
  ASSERT_TRUE(wider);
  EXPECT_EQ(wider.getScaleShape(), (SmallVector<int64_t>{4, 3}));
  EXPECT_EQ(wider.getScaleEncoding(), ScaleEncoding::F16);
  EXPECT_FALSE(type.cloneWithShape({8, 48}));
  EXPECT_FALSE(type.cloneWithShape({8}));
  EXPECT_FALSE(type.cloneWithShape({}));
}

} // namespace
