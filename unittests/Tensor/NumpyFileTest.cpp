// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/NumpyFile.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

llvm::ArrayRef<char> view(const std::vector<char> &bytes) { return {bytes.data(), bytes.size()}; }

TEST(NumpyFile, RoundTrip) {
  Tensor x = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  std::vector<char> file = formatNumpyArray(x);
  EXPECT_EQ(file.size() % 64, 24u); // elements begin at a multiple of 64
  llvm::Expected<Tensor> back = parseNumpyArray(view(file));
  ASSERT_TRUE(bool(back));
  EXPECT_EQ(describe(*back), "tensor<2x3xf32>");
  EXPECT_EQ(back->values<float>(), x.values<float>());
}

TEST(NumpyFile, StringsRoundTrip) {
  Tensor x = Tensor::ofStrings({2}, {"a", "h\xc3\xa9llo"});
  llvm::Expected<Tensor> back = parseNumpyArray(view(formatNumpyArray(x)));
  ASSERT_TRUE(bool(back));
  EXPECT_EQ(back->strings().vec(), x.strings().vec());
}

/// Every cut of a valid file is refused and none reads outside (the sanitizers of the asan preset
/// watch).
TEST(NumpyFile, TruncatedArraysAreErrors) {
  std::vector<char> file = formatNumpyArray(Tensor::of<int64_t>({3}, {1, 2, 3}));
  for (size_t size = 0; size < file.size(); ++size) {
    std::vector<char> cut(file.begin(), file.begin() + size);
    llvm::Expected<Tensor> tensor = parseNumpyArray(view(cut));
    EXPECT_FALSE(bool(tensor)) << size;
    llvm::consumeError(tensor.takeError());
  }
}

TEST(NumpyFile, TruncatedArchivesAreErrors) {
  std::vector<char> bytes(100, 'x');
  llvm::Expected<std::vector<ArchiveMember>> members = readArchive(view(bytes));
  ASSERT_FALSE(bool(members));
  EXPECT_EQ(llvm::toString(members.takeError()),
            "malformed .npz archive: expected a central directory at the end");
}

} // namespace
