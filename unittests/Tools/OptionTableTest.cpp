// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Command lines that are right, and the messages for those that are not.

#include "qllm/Tools/UserTool/OptionTable.h"
#include "qllm/Support/Closest.h"

#include "gtest/gtest.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::tool;

namespace {

struct Values {
  std::string model, output, format = "int";
  std::vector<std::string> names;
  int64_t bits = 8;
  bool quiet = false;
};

/// Parses and returns the message, empty for success.
std::string parse(Values &values, ArrayRef<StringRef> arguments) {
  OptionTable table;
  table.positional("MODEL", values.model, "");
  table.text("output", values.output, "DIR", "").letter = 'o';
  table.choice("format", values.format, {"int", "nf4"}, "");
  table.list("names", values.names, "NAME", "");
  table.integer("bits", values.bits, 2, 16, "");
  table.flag("quiet", values.quiet, "").letter = 'q';
  return toString(table.parse(arguments));
}

TEST(OptionTable, takesEveryForm) {
  Values values;
  EXPECT_EQ(parse(values, {"-o", "dir", "--bits=4", "-q", "m.onnx", "--names", "a,b", "--names=c"}),
            "");
  EXPECT_EQ(values.output, "dir");
  EXPECT_EQ(values.bits, 4);
  EXPECT_TRUE(values.quiet);
  EXPECT_EQ(values.model, "m.onnx");
  EXPECT_EQ(values.names, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(OptionTable, takesNamesThatLookLikeOptionsBehindTwoDashes) {
  Values values;
  EXPECT_EQ(parse(values, {"--", "--strange.onnx"}), "");
  EXPECT_EQ(values.model, "--strange.onnx");
}

TEST(OptionTable, takesADashAsAFile) {
  Values values;
  EXPECT_EQ(parse(values, {"-"}), "");
  EXPECT_EQ(values.model, "-");
}

TEST(OptionTable, saysWhatIsWrong) {
  Values values;
  EXPECT_EQ(parse(values, {}), "expected MODEL, but got nothing");
  EXPECT_EQ(parse(values, {"m", "n"}), "expected 1 argument(s), but got another one: 'n'");
  EXPECT_EQ(parse(values, {"m", "--bist=4"}), "unknown option '--bist=4', did you mean '--bits'");
  EXPECT_EQ(parse(values, {"m", "--xyzzy"}), "unknown option '--xyzzy'");
  EXPECT_EQ(parse(values, {"m", "--bits"}), "option '--bits' expects a value (N), but got none");
  EXPECT_EQ(parse(values, {"m", "--bits=1"}),
            "option '--bits': expected a number from 2 to 16, but got '1'");
  EXPECT_EQ(parse(values, {"m", "--bits=4x"}),
            "option '--bits': expected a number from 2 to 16, but got '4x'");
  EXPECT_EQ(parse(values, {"m", "--quiet=yes"}), "option '--quiet' takes no value, but got 'yes'");
  EXPECT_EQ(parse(values, {"m", "--format=nf5"}),
            "option '--format': expected one of int, nf4, but got 'nf5'");
}

TEST(OptionTable, guessesOnlyWhatIsClose) {
  EXPECT_EQ(closest("quantise", {"inspect", "quantize"}), StringRef("quantize"));
  EXPECT_EQ(closest("zzzz", {"inspect", "quantize"}), std::nullopt);
}

} // namespace
