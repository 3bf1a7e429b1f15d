// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names that must not leave a directory, on both ways of opening.

#include "qllm/Support/DataDirectory.h"

#include "TemporaryDirectory.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

/// Both the kernel's confinement and the walk that stands in for it on other systems.
class DataDirectoryTest : public testing::TestWithParam<DataDirectory::Opening>, public TemporaryDirectory {
protected:
  void SetUp() override {
    write("secret", "secret");
    makeDirectory("model");
    makeDirectory("model/sub");
    write("model/weights", "0123456789");
    write("model/sub/weights", "sub");
    llvm::Expected<std::unique_ptr<DataDirectory>> opened = DataDirectory::open(path("model"), GetParam());
    ASSERT_TRUE(static_cast<bool>(opened));
    directory = std::move(*opened);
  }
  /// The bytes of the file, or the message.
  std::string read(llvm::StringRef name) {
    llvm::Expected<std::shared_ptr<MappedFile>> file = directory->file(name);
    return file ? llvm::StringRef((*file)->bytes().data(), (*file)->bytes().size()).str() : llvm::toString(file.takeError());
  }
  std::unique_ptr<DataDirectory> directory;
};

TEST_P(DataDirectoryTest, ReadsFilesBelow) {
  EXPECT_EQ(read("weights"), "0123456789");
  EXPECT_EQ(read("./sub//weights"), "sub");
}

TEST_P(DataDirectoryTest, EmptyFile) {
  write("model/empty", "");
  EXPECT_EQ(read("empty"), "");
}

TEST_P(DataDirectoryTest, NamesThatLeave) {
  EXPECT_EQ(read("../secret"), "'../secret': a file name may not contain '..'");
  EXPECT_EQ(read("sub/../weights"), "'sub/../weights': a file name may not contain '..'");
  EXPECT_EQ(read(path("secret")), "'" + path("secret") + "': expected a name relative to the model's directory, but it is absolute");
  EXPECT_EQ(read(""), "expected a file name, but it is empty");
  EXPECT_EQ(read(llvm::StringRef("weights\0x", 9)), "'weights\\00x': a file name may not contain a zero byte");
}

TEST_P(DataDirectoryTest, Links) {
  link("../secret", "model/link");
  link("..", "model/up");
  link("sub", "model/inside");
  hardLink("secret", "model/hard");
  EXPECT_NE(read("link").find("the path has a symbolic link"), std::string::npos) << read("link");
  EXPECT_EQ(read("up/secret").find("secret'") != std::string::npos, true);
  EXPECT_NE(read("up/secret"), "secret");
  // Even one that stays inside: what a link names can change.
  EXPECT_NE(read("inside/weights"), "sub");
  EXPECT_EQ(read("hard"), "'hard': expected a file with one hard link, but it has 2");
}

TEST_P(DataDirectoryTest, SpecialFiles) {
  makePipe("model/pipe");
  EXPECT_EQ(read("pipe"), "'pipe': expected a regular file, but it is a pipe");
  EXPECT_EQ(read("sub"), "'sub': expected a regular file, but it is a directory");
  EXPECT_EQ(read("."), "'.': expected a file name, but it names the directory");
}

TEST_P(DataDirectoryTest, AFileIsMappedOnce) {
  auto first = directory->file("weights"), second = directory->file("weights");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->get(), second->get());
}

TEST_P(DataDirectoryTest, Ranges) {
  auto file = directory->file("weights");
  ASSERT_TRUE(static_cast<bool>(file));
  auto read = [&](uint64_t offset, uint64_t length) {
    llvm::Expected<llvm::ArrayRef<char>> range = (*file)->range(offset, length);
    return range ? std::string(range->begin(), range->end()) : llvm::toString(range.takeError());
  };
  EXPECT_EQ(read(2, 3), "234");
  EXPECT_EQ(read(10, 0), "");
  EXPECT_EQ(read(8, 3), "'weights': expected 3 bytes at offset 8, but the file has 10 bytes");
  EXPECT_EQ(read(11, 0), "'weights': expected 0 bytes at offset 11, but the file has 10 bytes");
  EXPECT_EQ(read(UINT64_MAX, 2), "'weights': expected 2 bytes at offset 18446744073709551615, but the file has 10 bytes");
  EXPECT_EQ(read(2, UINT64_MAX), "'weights': expected 18446744073709551615 bytes at offset 2, but the file has 10 bytes");
}

INSTANTIATE_TEST_SUITE_P(Openings, DataDirectoryTest, testing::Values(DataDirectory::Opening::Confined, DataDirectory::Opening::Stepwise));

} // namespace
