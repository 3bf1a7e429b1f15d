// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/PrintableStream.h"

#include "llvm/Support/Format.h"

using namespace qllm;

PrintableStream::~PrintableStream() {
  if (heldLead)
    to << "\\xC2";
}

void PrintableStream::put(unsigned char c) {
  if (c == '\n') {
    column = 0;
    to << '\n';
    return;
  }
  if (column++ >= longestLine) {
    if (column == longestLine + 1)
      to << "...";
    return;
  }
  bool steers = (c < 0x20 && c != '\t') || c == 0x7f;
  if (steers)
    to << llvm::format("\\x%02X", c);
  else
    to << static_cast<char>(c);
}

void PrintableStream::write_impl(const char *data, size_t size) {
  position += size;
  for (llvm::StringRef rest(data, size); !rest.empty(); rest = rest.drop_front()) {
    auto c = static_cast<unsigned char>(rest.front());
    if (heldLead) {
      heldLead = false;
      if (c >= 0x80 && c < 0xa0) {
        for (unsigned char part : {static_cast<unsigned char>(0xc2), c})
          to << llvm::format("\\x%02X", part);
        continue;
      }
      put(0xc2);
    }
    if (c == 0xc2)
      heldLead = true;
    else
      put(c);
  }
}

std::string qllm::printable(llvm::StringRef text) {
  std::string out;
  llvm::raw_string_ostream to(out);
  PrintableStream(to, SIZE_MAX) << text;
  return out;
}
