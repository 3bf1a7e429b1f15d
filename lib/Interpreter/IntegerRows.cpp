// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "IntegerRows.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/IntegerGemm.h"
#include <numeric>

using namespace qllm;
using namespace qllm::interp;

namespace {

bool isUnsigned(const QuantizedTensor &tensor) {
  return tensor.spec.element->kind() == ElementKind::UnsignedInteger;
}

/// Scale and zero point of every group, which `integerRowGroups` has seen.
struct Parameters {
  Tensor scales;
  const QuantizedTensor &tensor;
  int32_t implied;

  Parameters(const QuantizedTensor &tensor)
      : scales(llvm::cantFail(tensor.scaleValues())), tensor(tensor),
        implied(isUnsigned(tensor) ? int32_t(tensor.spec.element->codeCount() / 2) : 0) {}

  /// As `dequantizeGroups` forms it.
  float scale(int64_t i) const { return scales.data<float>()[i] * tensor.tensorScale; }
  int32_t zeroPoint(int64_t i) const {
    return tensor.zeroPoints.isNull() ? implied : tensor.zeroPoints.data<int32_t>()[i];
  }
};

/// Codes moved by `offset`, modulo 256: between signed and unsigned bytes.
Tensor movedCodes(ThreadPool &pool, const Tensor &codes, ElementType type, int offset) {
  if (offset == 0)
    return codes.reinterpreted(type);
  Tensor moved = llvm::cantFail(Tensor::allocate(type, codes.shape()));
  auto *from = reinterpret_cast<const uint8_t *>(codes.rawData());
  auto *to = reinterpret_cast<uint8_t *>(moved.rawMutableData());
  pool.forRange(codes.size(), 1 << 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      to[i] = uint8_t(from[i] + offset);
  });
  return moved;
}

/// Sums of codes [segments, rows].
std::vector<int32_t> sumSegments(ThreadPool &pool, const Tensor &codes, const RowGroups &shape,
                                 int64_t segments) {
  std::vector<int32_t> sums(size_t(shape.rows * segments));
  int64_t length = shape.depth / segments;
  pool.forRange(shape.rows, 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t segment = 0; segment < segments; ++segment) {
        const int8_t *part = codes.data<int8_t>() + row * shape.depth + segment * length;
        sums[segment * shape.rows + row] = std::accumulate(part, part + length, int32_t(0));
      }
  });
  return sums;
}

} // namespace

std::optional<RowGroups> interp::integerRowGroups(const QuantizedTensor &tensor) {
  const GroupLayout &layout = tensor.layout;
  RowGroups result;
  result.depth = tensor.codes.rank() ? tensor.codes.dim(tensor.codes.rank() - 1) : 0;
  if (!tensor.spec.element->isInteger() || result.depth == 0 || result.depth > maxIntegerDepth ||
      layout.groupSize == 0 || !llvm::is_sorted(layout.permutation))
    return std::nullopt;
  result.rows = tensor.codes.size() / result.depth;
  if (result.depth % layout.groupSize == 0)
    result.groups = result.depth / layout.groupSize;
  else if (layout.groupSize % result.depth == 0)
    result.groups = 1;
  else
    return std::nullopt;
  result.rowsPerScale = std::max<int64_t>(1, layout.groupSize / result.depth);
  if (!tensor.zeroPoints.isNull())
    for (int32_t zero : tensor.zeroPoints.values<int32_t>())
      if (zero < -maxZeroPoint || zero > maxZeroPoint)
        return std::nullopt;
  return result;
}

IntegerActivation interp::makeIntegerActivation(ThreadPool &pool, const QuantizedTensor &tensor,
                                                const RowGroups &shape) {
  IntegerActivation result;
  result.shape = shape;
  int offset = isUnsigned(tensor) ? 0 : int(tensor.spec.element->codeCount() / 2);
  result.codes = movedCodes(pool, tensor.codes, ElementType::U8, offset);
  result.largestCode = int(tensor.spec.element->codeCount()) - 1;
  Parameters parameters(tensor);
  for (int64_t row = 0; row < shape.rows; ++row)
    for (int64_t group = 0; group < shape.groups; ++group) {
      int64_t at = shape.scaleOf(row, group);
      result.scales.push_back(parameters.scale(at));
      result.zeroPoints.push_back(parameters.zeroPoint(at) + offset);
    }
  return result;
}

std::shared_ptr<const IntegerWeight> interp::makeIntegerWeight(ThreadPool &pool,
                                                               const QuantizedTensor &tensor,
                                                               const RowGroups &shape,
                                                               int64_t segments) {
  if (std::shared_ptr<const IntegerWeight> kept = tensor.keptInteger();
      kept && kept->segments == segments)
    return kept;
  auto result = std::make_shared<IntegerWeight>();
  result->shape = shape;
  result->segments = segments;
  int64_t count = int64_t(tensor.spec.element->codeCount());
  // Only bytes that use all their bits do not fit into signed ones.
  int offset = isUnsigned(tensor) && count == 256 ? -128 : 0;
  result->codes = movedCodes(pool, tensor.codes, ElementType::I8, offset);
  int64_t low = isUnsigned(tensor) ? offset : -count / 2, high = low + count - 1;
  result->largestCode = int(std::max(-low, high));
  Parameters parameters(tensor);
  result->scales.resize(size_t(shape.rows * shape.groups));
  result->zeroPoints.resize(size_t(shape.rows * shape.groups));
  for (int64_t row = 0; row < shape.rows; ++row)
    for (int64_t group = 0; group < shape.groups; ++group) {
      int64_t at = shape.scaleOf(row, group), to = group * shape.rows + row;
      result->scales[to] = parameters.scale(at);
      result->zeroPoints[to] = parameters.zeroPoint(at) + offset;
    }
  result->sums = sumSegments(pool, result->codes, shape, segments);
  for (int32_t zero : result->zeroPoints)
    result->largestValue = std::max({result->largestValue, zero - low, high - zero});
  if (llvm::all_of(result->zeroPoints, [](int32_t zero) { return zero == 0; }))
    result->zeroPoints.clear();
  tensor.keepInteger(result);
  return result;
}
