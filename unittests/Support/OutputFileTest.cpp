// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files that appear whole or not at all.

#include "qllm/Support/OutputFile.h"

#include "TemporaryDirectory.h"
#include "qllm/Support/DataDirectory.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

struct OutputFileTest : testing::Test, TemporaryDirectory {
  std::unique_ptr<OutputFile> create(const std::string &name) { return llvm::cantFail(OutputFile::create(path(name))); }
  static llvm::ArrayRef<char> bytes(llvm::StringRef text) { return {text.data(), text.size()}; }
};

TEST_F(OutputFileTest, NothingIsSeenBeforeCommit) {
  write("out", "old");
  std::unique_ptr<OutputFile> file = create("out");
  EXPECT_FALSE(static_cast<bool>(file->write(bytes("new"))));
  EXPECT_EQ(read("out"), "old");
  EXPECT_FALSE(static_cast<bool>(file->commit()));
  EXPECT_EQ(read("out"), "new");
  EXPECT_EQ(count(), 1u);
}

TEST_F(OutputFileTest, NothingStaysWithoutCommit) {
  EXPECT_FALSE(static_cast<bool>(create("out")->write(bytes("new"))));
  EXPECT_EQ(count(), 0u);
}

TEST_F(OutputFileTest, CopiesRanges) {
  write("source", "0123456789");
  std::shared_ptr<MappedFile> source = llvm::cantFail(MappedFile::open(path("source")));
  std::unique_ptr<OutputFile> file = create("out");
  EXPECT_FALSE(static_cast<bool>(file->copy(*source, 2, 3)));
  EXPECT_FALSE(static_cast<bool>(file->align(8)));
  EXPECT_FALSE(static_cast<bool>(file->copy(*source, 9, 1)));
  EXPECT_FALSE(static_cast<bool>(file->align(1)));
  EXPECT_EQ(file->size(), 9u);
  EXPECT_EQ(llvm::toString(file->copy(*source, 5, 6)), "'" + path("source") + "': expected 6 bytes at offset 5, but the file has 10 bytes");
  EXPECT_FALSE(static_cast<bool>(file->commit()));
  EXPECT_EQ(read("out"), std::string("234\0\0\0\0\0009", 9));
}

/// Holes stay holes, at the start, between data and at the end.
TEST_F(OutputFileTest, CopiesSparseFiles) {
  constexpr uint64_t size = 8 << 20, middle = 4 << 20;
  write("source", "");
  std::filesystem::resize_file(path("source"), size);
  {
    std::fstream stream(path("source"), std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(middle);
    stream << "middle";
  }
  std::shared_ptr<MappedFile> source = llvm::cantFail(MappedFile::open(path("source")));
  std::unique_ptr<OutputFile> file = create("out");
  EXPECT_FALSE(static_cast<bool>(file->copy(*source, 0, size)));
  EXPECT_FALSE(static_cast<bool>(file->commit()));
  EXPECT_TRUE(read("out") == read("source"));
}

TEST_F(OutputFileTest, MissingDirectory) {
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path("missing/out"));
  ASSERT_FALSE(static_cast<bool>(file));
  EXPECT_EQ(llvm::toString(file.takeError()), "'" + path("missing/out") + "': cannot create: no such file or directory");
}

} // namespace
