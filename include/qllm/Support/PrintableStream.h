// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Messages quote files that nobody vouches for: what could steer a terminal is written out.

#ifndef QLLM_SUPPORT_PRINTABLESTREAM_H
#define QLLM_SUPPORT_PRINTABLESTREAM_H

#include "llvm/Support/raw_ostream.h"
#include <string>

namespace qllm {

/// Writes lines to another stream: control characters, those of Unicode's second block too, as
/// \xNN, and what is past `longestLine` bytes as `...`. Tabs and newlines stay. Unbuffered, as the
/// streams behind it are meant for messages.
class PrintableStream : public llvm::raw_ostream {
public:
  static constexpr size_t defaultLongestLine = 4096;
  explicit PrintableStream(llvm::raw_ostream &to, size_t longestLine = defaultLongestLine)
      : raw_ostream(/*unbuffered=*/true), to(to), longestLine(longestLine) {}
  ~PrintableStream() override;

private:
  void write_impl(const char *data, size_t size) override;
  void put(unsigned char c);
  uint64_t current_pos() const override { return position; }

  llvm::raw_ostream &to;
  size_t longestLine;
  size_t column = 0;
  uint64_t position = 0;
  bool heldLead = false; ///< A 0xC2 byte, which begins the control characters from U+0080.
};

/// `text` as PrintableStream writes it, of any length. Newlines stay.
std::string printable(llvm::StringRef text);

} // namespace qllm

#endif // QLLM_SUPPORT_PRINTABLESTREAM_H
