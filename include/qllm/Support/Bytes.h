// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Structures as bytes, for journals and for tasks that are sent to other processes of the same
// build: little-endian, members in order, counts in front of lists, no versions.
//
// A structure lists its members once, for both directions:
//   template <typename Stream> void transfer(Stream &stream, Range &range) {
//     stream(range.low, range.high);
//   }

#ifndef QLLM_SUPPORT_BYTES_H
#define QLLM_SUPPORT_BYTES_H

#include "qllm/Support/Matrix.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cstring>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace qllm {

static_assert(llvm::endianness::native == llvm::endianness::little, "bytes lie as in memory");

template <typename T>
inline constexpr bool isPlain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Appends to a string.
class ByteWriter {
public:
  static constexpr bool isReader = false;
  explicit ByteWriter(std::string &out) : out(out) {}

  template <typename... T> void operator()(const T &...values) { (put(values), ...); }
  void raw(const void *data, size_t size) { out.append(static_cast<const char *>(data), size); }

private:
  template <typename T> void put(const T &value) {
    if constexpr (isPlain<T>)
      raw(&value, sizeof(value));
    else // a structure lists its members for both directions; this one only reads them
      transfer(*this, const_cast<T &>(value));
  }
  template <typename T> void list(const T &values) {
    (*this)(uint64_t(values.size()));
    if constexpr (isPlain<typename T::value_type>)
      raw(values.data(), values.size() * sizeof(typename T::value_type));
    else
      for (const auto &value : values)
        put(value);
  }
  void put(const std::string &text) { list(text); }
  template <typename T> void put(const std::vector<T> &values) { list(values); }
  template <typename T, unsigned N> void put(const llvm::SmallVector<T, N> &values) {
    list(values);
  }
  void put(const std::vector<bool> &values) {
    (*this)(uint64_t(values.size()));
    for (bool value : values)
      put(value);
  }
  template <typename T> void put(const std::optional<T> &value) {
    put(value.has_value());
    if (value)
      put(*value);
  }
  template <typename A, typename B> void put(const std::pair<A, B> &both) {
    (*this)(both.first, both.second);
  }
  template <typename T> void put(const Matrix<T> &matrix) {
    (*this)(matrix.rows(), matrix.columns());
    raw(matrix.data(), size_t(matrix.size()) * sizeof(T));
  }

  std::string &out;
};

/// Takes from the front of bytes that outlive it. After the first failure everything reads as
/// empty; `finish` tells.
class ByteReader {
public:
  static constexpr bool isReader = true;
  explicit ByteReader(llvm::ArrayRef<char> bytes) : left(bytes) {}

  template <typename... T> void operator()(T &...values) { (get(values), ...); }

  /// The next `size` bytes where they lie.
  llvm::ArrayRef<char> raw(uint64_t size) {
    if (size > left.size())
      fail("expected " + llvm::Twine(size) + " more bytes, but got " + llvm::Twine(left.size()));
    if (!problem.empty())
      return {};
    llvm::ArrayRef<char> bytes = left.take_front(size);
    left = left.drop_front(size);
    return bytes;
  }

  void fail(const llvm::Twine &message) {
    if (problem.empty())
      problem = message.str();
  }
  bool hasFailed() const { return !problem.empty(); }
  /// The first failure, or what is left over.
  llvm::Error finish() {
    if (problem.empty() && !left.empty())
      fail("expected no more bytes, but got " + llvm::Twine(left.size()));
    return problem.empty() ? llvm::Error::success() : llvm::createStringError(problem);
  }

private:
  template <typename T> void get(T &value) {
    if constexpr (isPlain<T>) {
      llvm::ArrayRef<char> bytes = raw(sizeof(value));
      value = T();
      if (bytes.size() == sizeof(value))
        std::memcpy(&value, bytes.data(), sizeof(value));
    } else {
      transfer(*this, value);
    }
  }
  /// A count of things of at least `size` bytes: never more than the bytes that are left can hold.
  size_t count(size_t size) {
    uint64_t number = 0;
    get(number);
    if (number > left.size() / size)
      fail("expected " + llvm::Twine(number) + " elements, but got " + llvm::Twine(left.size()) +
           " bytes");
    return hasFailed() ? 0 : size_t(number);
  }
  template <typename T> void list(T &values) {
    using Element = typename T::value_type;
    values.resize(count(isPlain<Element> ? sizeof(Element) : 1));
    if constexpr (isPlain<Element>)
      copy(values.data(), values.size() * sizeof(Element));
    else
      for (auto &value : values)
        get(value);
  }
  void copy(void *to, size_t size) {
    llvm::ArrayRef<char> bytes = raw(size);
    if (!bytes.empty())
      std::memcpy(to, bytes.data(), bytes.size());
  }
  void get(std::string &text) { list(text); }
  template <typename T> void get(std::vector<T> &values) { list(values); }
  template <typename T, unsigned N> void get(llvm::SmallVector<T, N> &values) { list(values); }
  void get(std::vector<bool> &values) {
    values.resize(count(1));
    for (size_t i = 0; i < values.size(); ++i) {
      bool value = false;
      get(value);
      values[i] = value;
    }
  }
  template <typename T> void get(std::optional<T> &value) {
    bool present = false;
    get(present);
    value.reset();
    if (present)
      get(value.emplace());
  }
  template <typename A, typename B> void get(std::pair<A, B> &both) {
    (*this)(both.first, both.second);
  }
  template <typename T> void get(Matrix<T> &matrix) {
    int64_t rows = 0, columns = 0;
    (*this)(rows, columns);
    int64_t most = int64_t(left.size() / sizeof(T));
    if (rows < 0 || columns < 0 || (columns > 0 && rows > most / columns))
      fail("expected a matrix of " + llvm::Twine(rows) + "x" + llvm::Twine(columns) +
           ", but got " + llvm::Twine(left.size()) + " bytes");
    matrix = hasFailed() ? Matrix<T>() : Matrix<T>(rows, columns);
    copy(matrix.data(), size_t(matrix.size()) * sizeof(T));
  }

  llvm::ArrayRef<char> left;
  std::string problem;
};

} // namespace qllm

#endif // QLLM_SUPPORT_BYTES_H
