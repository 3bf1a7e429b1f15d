// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/MappingFaults.h"

#include "TemporaryDirectory.h"
#include "qllm/Support/DataDirectory.h"
#include <csignal>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace qllm;

namespace {

/// Reads the last byte of a mapped file that is empty by then.
void readPastTheEnd(llvm::StringRef path) {
  installMappingFaults();
  auto file = MappedFile::open(path);
  if (!file || truncate(path.str().c_str(), 0) != 0)
    _exit(2);
  volatile char last = (*file)->bytes().back();
  (void)last;
  _exit(0);
}

class MappingFaults : public testing::Test, protected TemporaryDirectory {};

TEST_F(MappingFaults, NameTheFileThatBecameShorter) {
  write("weights\x1b.bin", std::string(10000, 'w'));
  EXPECT_EXIT(readPastTheEnd(path("weights\x1b.bin")), testing::ExitedWithCode(1),
              "error: .*weights\\\\x1B\\.bin: it cannot be read any more");
}

TEST_F(MappingFaults, SignalsOfOthersStaySignals) {
  EXPECT_EXIT((installMappingFaults(), raise(SIGBUS)), testing::KilledBySignal(SIGBUS), "");
}

} // namespace
