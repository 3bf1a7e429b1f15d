// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Split channels repeat columns of codes; nothing is rounded again.

#include "SiteWeights.h"

#include <cstring>

using namespace mlir;
using namespace qllm;

namespace {

/// The column of the unsplit weight for each column of the split one.
std::vector<int64_t> sources(ArrayRef<int64_t> parts, int64_t columns) {
  std::vector<int64_t> result;
  for (int64_t column = 0; column < columns; ++column)
    result.insert(result.end(), size_t(parts.empty() ? 1 : parts[size_t(column)]), column);
  return result;
}

} // namespace

MatrixF qllm::rowsOf(const MatrixF &matrix, int64_t first, int64_t count) {
  return MatrixF(
      count, matrix.columns(),
      matrix.values().slice(size_t(first * matrix.columns()), size_t(count * matrix.columns())));
}

MatrixF qllm::repeatColumns(const MatrixF &matrix, ArrayRef<int64_t> parts) {
  if (parts.empty())
    return matrix;
  std::vector<int64_t> from = sources(parts, matrix.columns());
  MatrixF result(matrix.rows(), int64_t(from.size()));
  for (int64_t row = 0; row < matrix.rows(); ++row)
    for (auto [column, source] : llvm::enumerate(from))
      result(row, int64_t(column)) = matrix(row, source);
  return result;
}

llvm::Expected<QuantizedParts> qllm::splitParts(const SiteState &state, const SiteProduct &product,
                                                size_t index, QuantizedType type) {
  const RoundedWeight &rounded = state.rounded;
  const RowFormat &format = *product.format;
  int64_t columns = rounded.codes.columns();
  std::vector<int64_t> from = sources(state.parts, columns);
  int64_t width = int64_t(from.size()), group = format.groupSize ? format.groupSize : width;
  if (format.groupSize && width % group != 0)
    return llvm::createStringError(
        "expected groups of %lld to divide the %lld columns that are left "
        "after the split",
        (long long)group, (long long)width);
  // A group of the split weight lies inside one group of the unsplit one, or the scales differ.
  std::vector<int64_t> groupSource;
  for (int64_t column = 0; column < width; ++column) {
    int64_t source = format.groupSize ? from[size_t(column)] / format.groupSize : 0;
    if (column % group == 0)
      groupSource.push_back(source);
    else if (groupSource.back() != source)
      return llvm::createStringError(
          "expected split channels to stay within groups of %lld, but channel %lld leaves its own; "
          "split without groups, or take parts that keep them together",
          (long long)format.groupSize, (long long)from[size_t(column)]);
  }
  QuantizedParts parts;
  parts.tensorScale = index < rounded.tensorScales.size() ? rounded.tensorScales[index] : 1.0f;
  parts.codes.reserve(size_t(product.rows * width));
  for (int64_t row = product.firstRow; row < product.firstRow + product.rows; ++row)
    for (int64_t source : from)
      parts.codes.push_back(rounded.codes(row, source));
  // One scale for the whole matrix stands in each of its rows.
  int64_t scaleRows = format.perTensor ? 1 : product.rows;
  for (int64_t row = product.firstRow; row < product.firstRow + scaleRows; ++row)
    for (int64_t source : groupSource) {
      parts.scales.push_back(rounded.scales(row, source));
      if (type.hasZeroPoint())
        parts.zeroPoints.push_back(rounded.zeroPoints(row, source));
    }
  return parts;
}

llvm::Expected<Value> qllm::createFactor(OpBuilder &builder, Location loc, const MatrixF &values,
                                         int64_t bits, const llvm::Twine &name) {
  if (bits >= 2 && bits <= 8)
    return createIntegerRows(builder, loc, values, unsigned(bits), name);
  return createConstant(builder, loc, values, name);
}
