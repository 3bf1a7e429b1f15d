// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What counts as nesting, as a literal and as an alias, and what does not. That the limits keep
// MLIR's parser from harm is tested with the tools.

#include "qllm/Target/Module/InputLimits.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

constexpr InputLimits small{/*nesting=*/8, /*literal=*/16, /*expansion=*/1000};

std::string refusal(const std::string &text, llvm::StringRef marker = "") {
  llvm::Error error = checkModuleText(text, small, marker);
  return error ? llvm::toString(std::move(error)) : "";
}

std::string times(int count, const std::string &text) {
  std::string all;
  for (int i = 0; i < count; ++i)
    all += text;
  return all;
}

TEST(TextLimits, EveryBracketNests) {
  for (const char *pair : {"()", "[]", "{}", "<>"}) {
    std::string open(1, pair[0]), close(1, pair[1]);
    EXPECT_EQ(refusal(times(8, open) + times(8, close)), "") << pair;
    EXPECT_EQ(refusal(times(9, open)), "1:9: error: expected at most 8 levels of nesting "
                                       "(--max-nesting), but got more");
  }
}

TEST(TextLimits, ClosedBracketsDoNotCount) {
  EXPECT_EQ(refusal(times(100, "{a = [1, (2)]}\n")), "");
  EXPECT_EQ(refusal("{" + times(100, "\"x.y\"() : () -> ()\n") + "}"), "");
}

TEST(TextLimits, StringsAndCommentsDoNotCount) {
  EXPECT_EQ(refusal("\"" + times(100, "[") + "\""), "");
  EXPECT_EQ(refusal("\"\\\"" + times(100, "[") + "\""), "");
  EXPECT_EQ(refusal("// " + times(100, "[")), "");
  EXPECT_EQ(refusal("\"" + times(100, "9") + "\""), "");
}

TEST(TextLimits, AStringEndsWithItsLine) {
  // MLIR refuses the string and would not go on, but the scan must not lose its way either.
  EXPECT_NE(refusal("\"\n" + times(9, "[")), "");
}

TEST(TextLimits, ArrowsAndComparisonsAreNoBrackets) {
  EXPECT_EQ(refusal(times(100, "() -> ()\n")), "");
  EXPECT_EQ(refusal("affine_set<(d0) : (" + times(30, "d0 - 1 <= 0, d0 >= 0, ") + "d0 == 0)>"), "");
}

TEST(TextLimits, OperatorsOfAnExpressionNest) {
  for (const char *op : {"+ ", "- ", "mod ", "floordiv "})
    EXPECT_NE(refusal("affine_map<(d0) -> (" + times(9, std::string("d0 ") + op) + "d0)>"), "")
        << op;
  EXPECT_EQ(refusal("affine_map<(d0) -> (" + times(30, "d0 + 1, ") + "d0)>"), "");
  EXPECT_EQ(refusal("dense<[" + times(30, "-1, ") + "-1]>"), "");
  EXPECT_EQ(refusal("{" + times(30, "%0 = arith.constant -1 : i8\n") + "}"), "");
}

TEST(TextLimits, AliasesNest) {
  std::string chain = "#a0 = [1]\n";
  for (int i = 1; i < 9; ++i)
    chain += "#a" + std::to_string(i) + " = [#a" + std::to_string(i - 1) + "]\n";
  EXPECT_EQ(refusal(chain),
            "9:8: error: expected at most 8 levels of nesting (--max-nesting), but got more");
  // A type's name, and a definition over two lines.
  EXPECT_NE(
      refusal("!t0 = tuple<\n" + times(7, "tuple<") + "\n" + times(8, ">") + "\nmodule {}\nf(!t0)"),
      "");
}

TEST(TextLimits, AModuleIsNoPartOfTheAliasBeforeIt) {
  EXPECT_EQ(refusal("#map = affine_map<(d0) -> (d0)>\nmodule { func.func @f() { " +
                    times(50, "a(#map)\n") + "}}\n#loc = loc(\"x\")\n"),
            "");
}

TEST(TextLimits, AliasesMultiply) {
  std::string bomb = "#a0 = 1\n";
  for (int i = 1; i < 12; ++i) {
    std::string last = "#a" + std::to_string(i - 1);
    bomb += "#a" + std::to_string(i) + " = (" + last + last + ")\n";
  }
  EXPECT_NE(refusal(bomb).find("tokens with aliases written out (--max-expansion)"),
            std::string::npos);
}

TEST(TextLimits, NumbersAndWidths) {
  EXPECT_EQ(refusal("1234567890123456 : i16"), "");
  EXPECT_EQ(refusal("\n  12345678901234567"), "2:3: error: expected at most 16 digits in a number "
                                              "(--max-literal), but got 17");
  EXPECT_NE(refusal("0x12345678901234567"), "");
  EXPECT_NE(refusal("1.2345678901234567"), "");
  for (const char *type : {"i17", "si17", "ui17", "tensor<4xi17>", "i99999999999999999999999"})
    EXPECT_NE(refusal(type), "") << type;
  for (const char *word :
       {"%i17", "@i17", "#i17", "i17a", "index", "ui", "tensor<0xi8>", "tensor<?x0x4xi8>"})
    EXPECT_EQ(refusal(word), "") << word;
}

TEST(TextLimits, ResourcesSayHowTheyAlign) {
  auto section = [](const char *hex) {
    return refusal(std::string("{-# dialect_resources: { builtin: { w: \"") + hex + "\" } } #-}");
  };
  EXPECT_EQ(section("0x08000000FF"), "");
  EXPECT_NE(section("0x00000000FF"), "");
  EXPECT_NE(section("0x00000080FF"), "");
  EXPECT_EQ(refusal("{a = \"0x00000000FF\"}"), "");
}

TEST(TextLimits, PartsOfAFileAreSeparate) {
  std::string text = times(5, "{") + "\n// -----\n" + times(5, "{");
  EXPECT_NE(refusal(text), "");
  EXPECT_EQ(refusal(text, "// -----"), "");
}

TEST(TextLimits, ShortTexts) {
  for (const char *text :
       {"", "\"", "\"\\", "-", "0x", "0", "#", "!", "<", ">", "{-#", "#-}", "/", "//", "x", "\xff"})
    EXPECT_EQ(refusal(text), "") << text;
}

} // namespace
