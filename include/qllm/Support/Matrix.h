// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense row-major matrix that owns its elements: what algorithms on weights and activations work
// on. Tensors of the interpreter are for any rank and type; this is for mathematics.

#ifndef QLLM_SUPPORT_MATRIX_H
#define QLLM_SUPPORT_MATRIX_H

#include "llvm/ADT/ArrayRef.h"
#include <cassert>
#include <cstdint>
#include <vector>

namespace qllm {

template <typename T> class Matrix {
public:
  Matrix() = default;
  /// All elements are `value`.
  Matrix(int64_t rows, int64_t columns, T value = T())
      : numRows(rows), numColumns(columns), elements(size_t(rows * columns), value) {}
  Matrix(int64_t rows, int64_t columns, llvm::ArrayRef<T> values)
      : numRows(rows), numColumns(columns), elements(values.begin(), values.end()) {
    assert(rows * columns == int64_t(values.size()) && "shape and values disagree");
  }

  int64_t rows() const { return numRows; }
  int64_t columns() const { return numColumns; }
  int64_t size() const { return int64_t(elements.size()); }
  bool empty() const { return elements.empty(); }

  T *data() { return elements.data(); }
  const T *data() const { return elements.data(); }
  T *row(int64_t i) { return elements.data() + i * numColumns; }
  const T *row(int64_t i) const { return elements.data() + i * numColumns; }
  llvm::MutableArrayRef<T> rowValues(int64_t i) { return {row(i), size_t(numColumns)}; }
  llvm::ArrayRef<T> rowValues(int64_t i) const { return {row(i), size_t(numColumns)}; }
  T &operator()(int64_t i, int64_t j) { return elements[size_t(i * numColumns + j)]; }
  const T &operator()(int64_t i, int64_t j) const { return elements[size_t(i * numColumns + j)]; }
  llvm::ArrayRef<T> values() const { return elements; }

private:
  int64_t numRows = 0, numColumns = 0;
  std::vector<T> elements;
};

using MatrixF = Matrix<float>;
using MatrixD = Matrix<double>;

} // namespace qllm

#endif // QLLM_SUPPORT_MATRIX_H
