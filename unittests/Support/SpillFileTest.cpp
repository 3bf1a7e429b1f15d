// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Regions of a file without a name.

#include "qllm/Support/SpillFile.h"

#include "TemporaryDirectory.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

struct SpillFileTest : testing::Test, TemporaryDirectory {};

TEST_F(SpillFileTest, RegionsKeepTheirBytesOutOfMemory) {
  SpillFile file(root.string());
  llvm::MutableArrayRef<char> one = llvm::cantFail(file.allocate(10000)),
                              two = llvm::cantFail(file.allocate(1));
  EXPECT_EQ(one[9999], 0);
  one[9999] = 7;
  two[0] = 8;
  file.evict(one);
  EXPECT_EQ(one[9999], 7);
  EXPECT_EQ(two[0], 8);
  file.release(one);
  EXPECT_EQ(two[0], 8);
  EXPECT_EQ(count(), 0u); // no name
}

TEST_F(SpillFileTest, OtherMemoryIsLeftAlone) {
  SpillFile file(root.string());
  llvm::cantFail(file.allocate(1));
  std::vector<char> heap(100000, 5);
  file.evict(heap);
  EXPECT_EQ(heap[50000], 5);
}

TEST_F(SpillFileTest, NoPlaceIsAnErrorOfItsOwn) {
  SpillFile missing(path("none"));
  auto region = missing.allocate(1);
  ASSERT_FALSE(bool(region));
  EXPECT_TRUE(region.errorIsA<SpillError>());
  EXPECT_NE(llvm::toString(region.takeError()).find("none"), std::string::npos);
  SpillFile file(root.string());
  auto tooMuch = file.allocate(size_t(1) << 62);
  ASSERT_FALSE(bool(tooMuch));
  EXPECT_TRUE(tooMuch.errorIsA<SpillError>());
  llvm::consumeError(tooMuch.takeError());
}

} // namespace
