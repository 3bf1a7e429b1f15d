// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Groups of rows through the format library; rows in parallel.

#include "RowRounding.h"

#include "qllm/Analysis/QuantizeSpecs.h"
#include "qllm/Support/ThreadPool.h"
#include <algorithm>
#include <cmath>
#include <mutex>

using namespace qllm;

namespace {

struct Failure {
  std::mutex mutex;
  std::string message;
  int64_t row = 0;
  void add(int64_t at, const FormatStatus &status) {
    std::lock_guard<std::mutex> lock(mutex);
    if (message.empty() || at < row) {
      row = at;
      message = status.message();
    }
  }
};

} // namespace

llvm::Error qllm::roundRows(ThreadPool &pool, MatrixF &matrix, int64_t first, int64_t count,
                            QuantizedType type) {
  if (!type || count == 0 || matrix.columns() == 0)
    return llvm::Error::success();
  QuantizeSpec spec = quantizeSpecOf(type);
  GranularityAttr granularity = type.getGranularity();
  bool whole = granularity.isPerTensor();
  int64_t width = matrix.columns() * (whole ? count : 1), pieces = whole ? 1 : count;
  int64_t groupSize = granularity.isGroup() ? granularity.getGroupSize() : width;
  float largest = 0;
  if (spec.hasTensorScale)
    for (int64_t row = first; row < first + count; ++row)
      for (float value : matrix.rowValues(row))
        largest = std::max(largest, std::fabs(value));
  float tensorScale = tensorScaleFor(spec, largest);

  Failure failure;
  pool.forRange(pieces, 16, [&](int64_t begin, int64_t end) {
    size_t groups = size_t((width + groupSize - 1) / groupSize);
    std::vector<uint8_t> codes(width);
    std::vector<float> scales(groups);
    std::vector<int32_t> zeroPoints(groups);
    for (int64_t piece = begin; piece < end; ++piece) {
      float *values = matrix.row(first + piece);
      Span<int32_t> zeros;
      if (type.hasZeroPoint())
        zeros = zeroPoints;
      FormatStatus status = quantizeGroups(spec, {values, size_t(width)}, size_t(groupSize),
                                           {codes, scales, zeros}, tensorScale);
      if (status.ok())
        status = dequantizeGroups(spec, codes, scales, zeros, size_t(groupSize),
                                  {values, size_t(width)}, tensorScale);
      if (!status.ok())
        failure.add(piece, status);
    }
  });
  if (failure.message.empty())
    return llvm::Error::success();
  return llvm::createStringError(failure.message);
}

bool qllm::hasRangePerRow(QuantizedType type) {
  if (!type)
    return true;
  GranularityAttr granularity = type.getGranularity();
  return !granularity.isGroup() && quantizeSpecOf(type).statistic == ScaleStatistic::AbsMax;
}
