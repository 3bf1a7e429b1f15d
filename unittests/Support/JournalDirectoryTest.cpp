// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a journal finds again, and when it begins anew.

#include "qllm/Support/JournalDirectory.h"

#include "TemporaryDirectory.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

struct JournalDirectoryTest : testing::Test, TemporaryDirectory {
  std::unique_ptr<JournalDirectory> open(llvm::StringRef identity = "model: a\npasses: b\n") {
    return llvm::cantFail(JournalDirectory::open(path("journal"), identity));
  }
  static llvm::ArrayRef<char> bytes(llvm::StringRef text) { return {text.data(), text.size()}; }
  static void store(JournalDirectory &journal, llvm::StringRef key, llvm::StringRef text) {
    EXPECT_FALSE(bool(journal.store(key, bytes(text))));
  }
  static std::string text(std::optional<llvm::ArrayRef<char>> found) {
    return found ? std::string(found->data(), found->size()) : "none";
  }
};

TEST_F(JournalDirectoryTest, RecordsAreFoundAgain) {
  {
    auto journal = open();
    store(*journal, "one", "first");
    store(*journal, "two", "");
    EXPECT_EQ(text(journal->find("one")), "none"); // of this run, which knows it
    EXPECT_FALSE(bool(journal->storeLatest("walk", bytes("old"))));
    EXPECT_FALSE(bool(journal->storeLatest("walk", bytes("new"))));
  }
  auto journal = open();
  EXPECT_EQ(journal->foundRecords(), 2u);
  EXPECT_EQ(text(journal->find("one")), "first");
  EXPECT_EQ(text(journal->find("two")), "");
  EXPECT_EQ(text(journal->findLatest("walk")), "new");
  EXPECT_EQ(text(journal->findLatest("other")), "none");
}

TEST_F(JournalDirectoryTest, UnlockedOneIsRemovedUnlessAnotherRunHasTakenIt) {
  auto exists = [&] { return llvm::sys::fs::exists(path("journal/log")); };
  auto first = open();
  store(*first, "one", "first");
  first->unlock();
  EXPECT_EQ(open()->foundRecords(), 1u); // the same run again
  {
    auto again = open();
    EXPECT_FALSE(bool(first->remove())); // in use
    EXPECT_TRUE(exists());
  }
  auto second = open();
  second->unlock();
  {
    auto other = open("model: b\n");
    store(*other, "two", "");
  }
  EXPECT_FALSE(bool(second->remove())); // of another run by now
  EXPECT_TRUE(exists());
  auto third = open();
  store(*third, "one", "first");
  third->unlock();
  EXPECT_FALSE(bool(third->remove()));
  EXPECT_FALSE(exists());
}

TEST_F(JournalDirectoryTest, SectionsAreNumbered) {
  auto journal = open();
  EXPECT_NE(journal->section("pass"), journal->section("pass"));
}

TEST_F(JournalDirectoryTest, TornTailIsDroppedAndWrittenOver) {
  {
    auto journal = open();
    store(*journal, "one", "first");
    store(*journal, "two", "second");
  }
  std::string log = read("journal/log");
  write("journal/log", log.substr(0, log.size() - 1));
  {
    auto journal = open();
    EXPECT_EQ(text(journal->find("one")), "first");
    EXPECT_EQ(text(journal->find("two")), "none");
    store(*journal, "two", "again");
  }
  EXPECT_EQ(text(open()->find("two")), "again");
}

TEST_F(JournalDirectoryTest, DamageIsNoticed) {
  {
    auto journal = open();
    store(*journal, "one", "first");
  }
  std::string log = read("journal/log");
  log.back() ^= 1;
  write("journal/log", log);
  EXPECT_EQ(text(open()->find("one")), "none");
}

TEST_F(JournalDirectoryTest, AnotherIdentityStartsAfresh) {
  {
    auto journal = open();
    store(*journal, "one", "first");
    EXPECT_FALSE(bool(journal->storeLatest("walk", bytes("state"))));
  }
  auto journal = open("model: a\npasses: c\n");
  ASSERT_EQ(journal->changedLabels().size(), 1u);
  EXPECT_EQ(journal->changedLabels().front(), "passes");
  EXPECT_EQ(text(journal->find("one")), "none");
  EXPECT_EQ(text(journal->findLatest("walk")), "none");
}

TEST_F(JournalDirectoryTest, OneRunAtATime) {
  auto journal = open();
  auto second = JournalDirectory::open(path("journal"), "model: a\n");
  ASSERT_FALSE(bool(second));
  EXPECT_NE(llvm::toString(second.takeError()).find("another run is writing"), std::string::npos);
  store(*journal, "one", "first"); // the first one goes on
}

TEST_F(JournalDirectoryTest, EmptyAndFinishedJournalsLeaveNothing) {
  open();
  EXPECT_EQ(count(), 0u);
  auto journal = open();
  store(*journal, "one", "first");
  EXPECT_FALSE(bool(journal->remove()));
  EXPECT_EQ(count(), 0u);
}

} // namespace
