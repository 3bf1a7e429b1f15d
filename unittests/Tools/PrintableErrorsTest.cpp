// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where stderr and stdout are one pipe, what was said first comes first.

#include "qllm/Tools/Guard.h"

#include "gtest/gtest.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace qllm;

namespace {

/// As a tool with `2>&1`: a message, then output, again and again.
[[noreturn]] void speak(int to, int rounds) {
  dup2(to, STDOUT_FILENO);
  dup2(to, STDERR_FILENO);
  close(to);
  bool written = true;
  {
    PrintableErrors errors;
    for (int i = 0; i != rounds; ++i) {
      written &= write(STDERR_FILENO, "message\n", 8) == 8;
      errors.drain();
      written &= write(STDOUT_FILENO, "output\n", 7) == 7;
    }
  }
  _exit(written ? 0 : 1);
}

TEST(PrintableErrors, comeBeforeWhatFollows) {
  constexpr int rounds = 200;
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  pid_t speaker = fork();
  if (speaker == 0)
    speak(ends[1], rounds);
  close(ends[1]);
  std::string heard, wanted;
  char buffer[4096];
  for (ssize_t count; (count = read(ends[0], buffer, sizeof(buffer))) > 0;)
    heard.append(buffer, size_t(count));
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(speaker, &status, 0), speaker);
  EXPECT_EQ(status, 0);
  for (int i = 0; i != rounds; ++i)
    wanted += "message\noutput\n";
  EXPECT_EQ(heard, wanted);
}

} // namespace
