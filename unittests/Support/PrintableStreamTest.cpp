// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/PrintableStream.h"
#include "qllm/Support/LargeStack.h"
#include "gtest/gtest.h"

using namespace qllm;

TEST(PrintableStream, WritesControlCharactersOut) {
  EXPECT_EQ(printable("a\x1b[31mb\x07\r\x7f\tc\n"), "a\\x1B[31mb\\x07\\x0D\\x7F\tc\n");
  EXPECT_EQ(printable(llvm::StringRef("\0", 1)), "\\x00");
}

TEST(PrintableStream, KnowsThoseOfTwoBytes) {
  EXPECT_EQ(printable("\xc2\x9b"), "\\xC2\\x9B"); // U+009B starts a sequence like ESC [
  EXPECT_EQ(printable("\xc2\xa0\xc3\xa9"), "\xc2\xa0\xc3\xa9");
  EXPECT_EQ(printable("\xc2"), "\\xC2");
  std::string out;
  llvm::raw_string_ostream to(out);
  PrintableStream stream(to);
  stream << "\xc2";
  stream << "\x9b";
  EXPECT_EQ(out, "\\xC2\\x9B");
}

TEST(PrintableStream, CutsLongLines) {
  std::string out;
  llvm::raw_string_ostream to(out);
  PrintableStream(to, 3) << "abcdef\nabc\nabcd";
  EXPECT_EQ(out, "abc...\nabc\nabc...");
}

/// Far more than the 8 MiB that a thread has otherwise, in fewer calls than the thread sanitizer can hold, 65536.
TEST(LargeStack, IsLarge) {
  struct Deep {
    static int recurse(int depth) {
      volatile char room[8192];
      room[0] = char(depth);
      return depth == 0 ? 7 : recurse(depth - 1) + (room[0] - char(depth));
    }
  };
  EXPECT_EQ(runOnLargeStack([] { return Deep::recurse(20000); }), 7);
}
