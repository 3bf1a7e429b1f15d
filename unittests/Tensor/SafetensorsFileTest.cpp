// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/SafetensorsFile.h"

#include "llvm/Support/Endian.h"
#include <gtest/gtest.h>

using namespace qllm;

namespace {

std::string fileOf(const std::string &header, const std::string &data = "") {
  char length[8];
  llvm::support::endian::write64le(length, header.size());
  return std::string(length, 8) + header + data;
}

std::string errorOf(const std::string &file) {
  auto members = readSafetensors(file);
  return members ? "" : llvm::toString(members.takeError());
}

std::string tensor(const std::string &type, const std::string &shape, const std::string &offsets) {
  return R"({"t":{"dtype":")" + type + R"(","shape":[)" + shape + R"(],"data_offsets":[)" +
         offsets + "]}}";
}

TEST(SafetensorsFile, ReadsTensorsInTheOrderOfTheirNames) {
  std::string file = fileOf(
      R"({"b":{"dtype":"I32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"k":"{[[[[[["},
                "a":{"dtype":"BF16","shape":[3,0],"data_offsets":[8,8]}})",
      std::string("\1\0\0\0\2\0\0\0", 8));
  ASSERT_TRUE(isSafetensors(file));
  auto members = readSafetensors(file);
  ASSERT_TRUE(bool(members)) << llvm::toString(members.takeError());
  ASSERT_EQ(members->size(), 2u);
  EXPECT_EQ((*members)[0].name, "a");
  EXPECT_EQ((*members)[0].type, ElementType::BF16);
  auto values = (*members)[1].read();
  ASSERT_TRUE(bool(values));
  EXPECT_EQ(values->values<int32_t>(), llvm::ArrayRef<int32_t>({1, 2}));
}

TEST(SafetensorsFile, RefusesWhatIsNoSuchFile) {
  EXPECT_FALSE(isSafetensors(llvm::StringRef("\x93NUMPY\1\0v\0{'descr'", 18)));
  EXPECT_EQ(errorOf("1234"), "malformed safetensors data: expected 8 bytes with the length of the "
                             "header, but the file has 4");
  EXPECT_EQ(errorOf(std::string(8, '\xff') + "{}"),
            "malformed safetensors data: byte 0: expected a header of at most 2 bytes, but got a "
            "length of 18446744073709551615");
  EXPECT_EQ(errorOf(fileOf("[]")), "malformed safetensors data: expected an object as the header");
  EXPECT_NE(errorOf(fileOf("{")).find("malformed safetensors data: header: "), std::string::npos);
}

/// LLVM's parser would overflow the stack.
TEST(SafetensorsFile, RefusesDeepHeaders) {
  EXPECT_EQ(
      errorOf(fileOf("{\"a\":" + std::string(1000000, '['))),
      "malformed safetensors data: byte 16: expected at most 4 levels of nesting in the header");
}

TEST(SafetensorsFile, NamesTheTensorThatIsWrong) {
  auto refusal = [](const std::string &header) { return errorOf(fileOf(header, "12345678")); };
  std::string t = "malformed safetensors data: tensor 't': ";
  EXPECT_EQ(refusal(R"({"t":3})"), t + "expected an object");
  EXPECT_EQ(refusal(tensor("F4", "2", "0,8")), t + "expected a known dtype, but got 'F4'");
  EXPECT_EQ(refusal(tensor("I32", "-2", "0,8")),
            t + "expected a shape of at most 64 sizes of at least 0");
  EXPECT_EQ(refusal(tensor("I32", "2.5", "0,8")),
            t + "expected a shape of at most 64 sizes of at least 0");
  for (const char *offsets : {"0,9", "8,0", "0", "0,4,8", "-1,7", "0,9223372036854775807"})
    EXPECT_EQ(refusal(tensor("I32", "2", offsets)),
              t + "expected two ascending data_offsets within 8 bytes of data")
        << offsets;
  EXPECT_EQ(refusal(tensor("I32", "3", "0,8")),
            t + "expected 12 bytes for its type and shape, but got 8");
  EXPECT_EQ(refusal(tensor("I32", "4611686018427387904,4611686018427387904", "0,8")),
            t + "its shape has more elements than can be counted");
}

} // namespace
