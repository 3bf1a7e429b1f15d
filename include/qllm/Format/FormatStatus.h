// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the format library reports bad input: a value, never an abort, an exception or a print.

#ifndef QLLM_FORMAT_FORMATSTATUS_H
#define QLLM_FORMAT_FORMATSTATUS_H

#include <cstddef>
#include <string>
#include <utility>

namespace qllm {

/// Success, or what is wrong. The message is one lower-case sentence with the wanted and the found
/// value.
class [[nodiscard]] FormatStatus {
public:
  static constexpr std::size_t noIndex = ~std::size_t{0};

  /// Success.
  FormatStatus() = default;
  /// A failure; `index` is the element of the input at fault, counted from the start of the span
  /// passed in.
  static FormatStatus failure(std::string message, std::size_t index = noIndex) {
    FormatStatus status;
    status.text = std::move(message);
    status.position = index;
    return status;
  }

  bool ok() const { return text.empty(); }
  explicit operator bool() const { return ok(); }
  const std::string &message() const { return text; }
  /// The offending element, or `noIndex` when the failure is not about one element.
  std::size_t index() const { return position; }

private:
  std::string text;
  std::size_t position = noIndex;
};

} // namespace qllm

#endif // QLLM_FORMAT_FORMATSTATUS_H
