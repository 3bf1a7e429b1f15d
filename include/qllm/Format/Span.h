// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A view of contiguous memory, so that the format library needs no LLVM header. Any container with
// data() and size() (std::vector, llvm::ArrayRef, llvm::SmallVector) converts to it.

#ifndef QLLM_FORMAT_SPAN_H
#define QLLM_FORMAT_SPAN_H

#include <cstddef>
#include <type_traits>
#include <utility>

namespace qllm {

/// A pointer and a count; owns nothing. `Span<const T>` is read-only.
template <typename T> class Span {
public:
  constexpr Span() = default;
  constexpr Span(T *data, std::size_t size) : first(data), count(size) {}
  template <typename Container, typename = std::enable_if_t<std::is_convertible_v<
                                    decltype(std::declval<Container &>().data()), T *>>>
  constexpr Span(Container &&container) : first(container.data()), count(container.size()) {}

  constexpr T *data() const { return first; }
  constexpr std::size_t size() const { return count; }
  constexpr bool empty() const { return count == 0; }
  constexpr T *begin() const { return first; }
  constexpr T *end() const { return first + count; }
  constexpr T &operator[](std::size_t index) const { return first[index]; }
  /// The `length` elements from `start`; the caller keeps them inside the span.
  constexpr Span slice(std::size_t start, std::size_t length) const {
    return Span(first + start, length);
  }

private:
  T *first = nullptr;
  std::size_t count = 0;
};

} // namespace qllm

#endif // QLLM_FORMAT_SPAN_H
