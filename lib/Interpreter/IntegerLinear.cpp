// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With codes u and w, and zero points zu and zw,
//   sum (u - zu)(w - zw) = sum u w - zu sum w - zw (sum u - K zu),
// so one product of codes and the sums of rows give the exact integer; scales come last.

#include "IntegerLinear.h"
#include "IntegerRows.h"
#include "qllm/Support/TargetClones.h"
#include "qllm/Tensor/IntegerGemm.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// Groups shorter than this are quicker as one product of floats.
constexpr int64_t shortestGroup = 32;
/// Elements of the result that are computed at a time.
constexpr int64_t tileElements = 1 << 18;

/// Part of a row of the result, for one group: what its codes' product becomes.
struct RowPart {
  const int32_t *product;
  int64_t count;
  /// Of the left operand.
  float scale;
  int32_t zeroPoint;
  int32_t centredSum; ///< sum u - K zu; not read without zero points of the weight
  /// Of the right operand, one for each element.
  const float *scales;
  const int32_t *sums;
  const int32_t *zeroPoints; ///< or null
  float *out;
  bool first; ///< whether it begins the sum over groups
};

/// Sums modulo 2^32: right whenever the final sum fits, whatever happens on the way.
QLLM_CLONES void finishRow(const RowPart &part) {
  const int32_t *product = part.product, *sums = part.sums, *zeroPoints = part.zeroPoints;
  const float *scales = part.scales;
  float *out = part.out, scale = part.scale;
  uint32_t zero = uint32_t(part.zeroPoint), centred = uint32_t(part.centredSum);
  auto value = [&](int64_t i, uint32_t correction) {
    return float(int32_t(uint32_t(product[i]) - zero * uint32_t(sums[i]) - correction)) *
           (scale * scales[i]);
  };
  if (zeroPoints && part.first)
    for (int64_t i = 0; i < part.count; ++i)
      out[i] = value(i, uint32_t(zeroPoints[i]) * centred);
  else if (zeroPoints)
    for (int64_t i = 0; i < part.count; ++i)
      out[i] += value(i, uint32_t(zeroPoints[i]) * centred);
  else if (part.first)
    for (int64_t i = 0; i < part.count; ++i)
      out[i] = value(i, 0);
  else
    for (int64_t i = 0; i < part.count; ++i)
      out[i] += value(i, 0);
}

/// For zero points far outside the codes, whose sums need 64 bits.
void finishWideRow(const RowPart &part, int64_t centredSum) {
  for (int64_t i = 0; i < part.count; ++i) {
    int64_t sum = part.product[i] - int64_t(part.zeroPoint) * part.sums[i];
    if (part.zeroPoints)
      sum -= part.zeroPoints[i] * centredSum;
    float value = float(sum) * (part.scale * part.scales[i]);
    part.out[i] = part.first ? value : part.out[i] + value;
  }
}

class Product {
public:
  Product(const IntegerActivation &x, const IntegerWeight &w, const float *bias, float *out)
      : x(x), w(w), bias(bias), out(out), groups(w.segments), length(x.shape.depth / groups) {}

  /// Rows [row, row + rows) and columns [column, column + columns).
  void computeTile(int64_t row, int64_t rows, int64_t column, int64_t columns) const {
    thread_local std::vector<int32_t> product;
    product.resize(size_t(rows * columns));
    for (int64_t group = 0; group < groups; ++group) {
      int64_t depth = x.shape.depth, first = group * length;
      integerMatmul(rows, columns, length, x.codes.data<uint8_t>() + row * depth + first, depth,
                    x.largestCode, w.codes.data<int8_t>() + column * depth + first, depth,
                    w.largestCode, product.data(), columns);
      for (int64_t i = 0; i < rows; ++i)
        finish(group, row + i, column, columns, product.data() + i * columns);
    }
    for (int64_t i = row; bias && i < row + rows; ++i)
      for (int64_t j = column; j < column + columns; ++j)
        out[i * w.shape.rows + j] += bias[j];
  }

private:
  void finish(int64_t group, int64_t row, int64_t column, int64_t columns,
              const int32_t *product) const {
    int64_t left = row * x.shape.groups + group * x.shape.groups / groups;
    int64_t right = group * w.shape.groups / groups * w.shape.rows + column;
    RowPart part;
    part.product = product;
    part.count = columns;
    part.scale = x.scales[left];
    part.zeroPoint = x.zeroPoints[left];
    part.scales = w.scales.data() + right;
    part.sums = w.sums.data() + group * w.shape.rows + column;
    part.zeroPoints = w.zeroPoints.empty() ? nullptr : w.zeroPoints.data() + right;
    part.out = out + row * w.shape.rows + column;
    part.first = group == 0;
    int64_t centred = part.zeroPoints ? centredSum(row, group, part.zeroPoint) : 0;
    part.centredSum = int32_t(centred);
    int64_t largest = std::max<int64_t>(part.zeroPoint, x.largestCode - int64_t(part.zeroPoint));
    if (largest * w.largestValue <= INT32_MAX / length)
      finishRow(part);
    else
      finishWideRow(part, centred);
  }

  int64_t centredSum(int64_t row, int64_t group, int64_t zeroPoint) const {
    const uint8_t *codes = x.codes.data<uint8_t>() + row * x.shape.depth + group * length;
    int64_t sum = 0;
    for (int64_t k = 0; k < length; ++k)
      sum += codes[k];
    return sum - length * zeroPoint;
  }

  const IntegerActivation &x;
  const IntegerWeight &w;
  const float *bias;
  float *out;
  int64_t groups, length;
};

} // namespace

bool interp::integerLinear(ThreadPool &pool, const QuantizedTensor &x, const QuantizedTensor &w,
                           const float *bias, float *out) {
  std::optional<RowGroups> left = integerRowGroups(x), right = integerRowGroups(w);
  if (!left || !right || left->depth != right->depth)
    return false;
  int64_t groups = std::max(left->groups, right->groups);
  if (groups % left->groups != 0 || groups % right->groups != 0 ||
      (groups > 1 && left->depth / groups < shortestGroup))
    return false;
  IntegerActivation activation = makeIntegerActivation(pool, x, *left);
  std::shared_ptr<const IntegerWeight> weight = makeIntegerWeight(pool, w, *right, groups);
  Product product(activation, *weight, bias, out);
  // Tiles whose products of codes stay in a second-level cache.
  int64_t rows = left->rows, columns = right->rows;
  int64_t tileRows = std::clamp<int64_t>(rows, 1, 512);
  int64_t tileColumns = std::min<int64_t>(4096, tileElements / tileRows);
  int64_t across = (columns + tileColumns - 1) / tileColumns;
  pool.run((rows + tileRows - 1) / tileRows * across, [&](int64_t tile) {
    int64_t row = tile / across * tileRows, column = tile % across * tileColumns;
    product.computeTile(row, std::min(tileRows, rows - row), column,
                        std::min(tileColumns, columns - column));
  });
  return true;
}
