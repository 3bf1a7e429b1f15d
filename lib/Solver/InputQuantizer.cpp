// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/InputQuantizer.h"
#include "qllm/Support/ThreadPool.h"
#include <algorithm>
#include <cmath>
#include <limits>

using namespace qllm;

namespace {

/// The columns of the split tensor: which channel each carries, and its rounding offset.
struct Copies {
  std::vector<int64_t> channels;
  std::vector<float> offsets;
  bool anySplit = false;
};

Copies copiesOf(int64_t columns, llvm::ArrayRef<int64_t> parts) {
  Copies copies;
  for (int64_t j = 0; j < columns; ++j) {
    int64_t count = parts.empty() ? 1 : parts[size_t(j)];
    copies.anySplit |= count != 1;
    for (int64_t t = 0; t < count; ++t) {
      copies.channels.push_back(j);
      copies.offsets.push_back(float(2 * t + 1 - count) / float(2 * count));
    }
  }
  return copies;
}

class RowQuantizer {
public:
  RowQuantizer(const RowFormat &format, llvm::ArrayRef<int64_t> parts, const Copies &copies,
               bool offsets, float clip, float tensorScale)
      : spec(format.spec), parts(parts), copies(copies), width(int64_t(copies.channels.size())),
        groupLength(std::max<int64_t>(1, format.groupLength(width))),
        useOffsets(offsets && copies.anySplit && spec.element->isInteger()), clip(clip),
        tensorScale(tensorScale), split(size_t(width)), codes(size_t(width)) {}

  FormatStatus run(const float *row, float *out, int64_t columns,
                   const GroupParameters *given = nullptr) {
    const float *values = row;
    if (copies.anySplit) {
      for (int64_t p = 0; p < width; ++p) {
        int64_t channel = copies.channels[size_t(p)];
        split[size_t(p)] = row[channel] / float(parts[size_t(channel)]);
      }
      values = split.data();
      std::fill_n(out, columns, 0.0f);
    }
    for (int64_t begin = 0; begin < width; begin += groupLength) {
      int64_t count = std::min(groupLength, width - begin);
      GroupParameters parameters;
      FormatStatus status;
      if (given)
        parameters = *given;
      else
        status = parametersFor({values + begin, size_t(count)}, parameters);
      if (status)
        status = useOffsets ? roundCopies(values, begin, count, parameters, out)
                            : roundGroup(values, begin, count, parameters, out);
      if (!status)
        return status;
    }
    return FormatStatus();
  }

  FormatStatus parametersFor(Span<const float> group, GroupParameters &parameters) const {
    ValueRange range;
    if (FormatStatus status = scanRange(group, range); !status)
      return status;
    return parametersFor(range, group, parameters);
  }

  FormatStatus parametersFor(ValueRange range, Span<const float> group,
                             GroupParameters &parameters) const {
    // A scale from the mean magnitude has no range to clip.
    if (spec.statistic == ScaleStatistic::AbsMean)
      return computeParameters(spec, group, parameters, tensorScale);
    range.min *= clip;
    range.max *= clip;
    return computeRangeParameters(spec, range, parameters, tensorScale);
  }

private:
  FormatStatus roundGroup(const float *values, int64_t begin, int64_t count,
                          const GroupParameters &parameters, float *out) {
    size_t length = size_t(count);
    Span<uint8_t> group(codes.data() + begin, length);
    FormatStatus status =
        encodeGroup(spec, parameters, {values + begin, length}, group, tensorScale);
    if (!status)
      return status;
    if (!copies.anySplit)
      return decodeGroup(spec, parameters, group, {out + begin, length}, tensorScale);
    status = decodeGroup(spec, parameters, group, {split.data() + begin, length}, tensorScale);
    for (int64_t p = begin; p < begin + count; ++p)
      out[copies.channels[size_t(p)]] += split[size_t(p)];
    return status;
  }

  /// Codes round(x / s + o) + z, as qllm.quantize with rounding offsets.
  FormatStatus roundCopies(const float *values, int64_t begin, int64_t count,
                           const GroupParameters &parameters, float *out) const {
    float scale = parameters.scale * tensorScale, zero = float(parameters.zeroPoint);
    float low = spec.element->minFinite(), high = spec.element->maxFinite();
    for (int64_t p = begin; p < begin + count; ++p) {
      float code = std::nearbyint(values[p] / scale + copies.offsets[size_t(p)]) + zero;
      out[copies.channels[size_t(p)]] += scale * (std::min(std::max(code, low), high) - zero);
    }
    return FormatStatus();
  }

  const QuantizeSpec &spec;
  llvm::ArrayRef<int64_t> parts;
  const Copies &copies;
  int64_t width, groupLength;
  bool useOffsets;
  float clip, tensorScale;
  std::vector<float> split;
  std::vector<uint8_t> codes;
};

} // namespace

double qllm::relativeError(const MatrixF &values, const MatrixF &quantized) {
  double sum = 0;
  for (int64_t row = 0; row < values.rows(); ++row) {
    double energy = 0, error = 0;
    for (int64_t j = 0; j < values.columns(); ++j) {
      double difference = double(quantized(row, j)) - values(row, j);
      error += difference * difference;
      energy += double(values(row, j)) * values(row, j);
    }
    sum += error / std::max(energy, 1e-12);
  }
  return values.rows() > 0 ? sum / double(values.rows()) : 0;
}

MatrixF qllm::quantizeInput(ThreadPool &pool, const MatrixF &values, const RowFormat &format,
                            llvm::ArrayRef<int64_t> parts, bool offsets, float clip) {
  int64_t rows = values.rows(), columns = values.columns();
  Copies copies = copiesOf(columns, parts);
  MatrixF result(rows, columns, std::numeric_limits<float>::quiet_NaN());
  // Ranges of the whole matrix: of the copies, whose values are the smaller ones.
  ValueRange whole;
  if (format.perTensor || format.spec.hasTensorScale) {
    std::vector<float> largestParts(size_t(columns), 1);
    for (int64_t j = 0; j < columns && !parts.empty(); ++j)
      largestParts[size_t(j)] = float(parts[size_t(j)]);
    std::vector<float> row(static_cast<size_t>(columns));
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j)
        row[size_t(j)] = values(i, j) / largestParts[size_t(j)];
      ValueRange one;
      if (!scanRange(row, one))
        return result;
      whole.merge(one);
    }
  }
  float tensorScale =
      format.spec.hasTensorScale ? tensorScaleFor(format.spec, whole.absMax() * clip) : 1.0f;
  GroupParameters shared;
  if (format.perTensor && rows > 0 &&
      !RowQuantizer(format, parts, copies, offsets, clip, tensorScale)
           .parametersFor(whole, values.values(), shared))
    return result;
  pool.forRange(rows, 32, [&](int64_t begin, int64_t end) {
    RowQuantizer quantizer(format, parts, copies, offsets, clip, tensorScale);
    for (int64_t row = begin; row < end; ++row)
      if (!quantizer.run(values.row(row), result.row(row), columns,
                         format.perTensor ? &shared : nullptr))
        std::fill_n(result.row(row), columns, std::numeric_limits<float>::quiet_NaN());
  });
  return result;
}
