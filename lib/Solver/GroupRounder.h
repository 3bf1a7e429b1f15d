// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding of single values of a group whose scale is known, in loops that the compiler can
// vectorize. Gives the codes and values of encodeGroup and decodeGroup.

#ifndef QLLM_LIB_SOLVER_GROUPROUNDER_H
#define QLLM_LIB_SOLVER_GROUPROUNDER_H

#include "qllm/Format/Quantize.h"
#include "qllm/Solver/WeightRange.h"
#include <algorithm>
#include <vector>

namespace qllm::detail {

class GroupRounder {
public:
  GroupRounder(const QuantizeSpec &spec, GroupParameters parameters, float tensorScale)
      : element(spec.element), isInteger(spec.element->isInteger()),
        zeroPoint(parameters.zeroPoint), scale(parameters.scale * tensorScale),
        low(isInteger ? spec.element->minFinite() - float(zeroPoint) : 0),
        high(isInteger ? spec.element->maxFinite() - float(zeroPoint) : 0) {}

  /// code - zero point of an integer format. Bounds are below 2^22, so adding and taking off
  /// 1.5 * 2^23 rounds half to even.
  float steps(float value) const {
    float bounded = std::min(std::max(value / scale, low), high);
    return (bounded + 0x1.8p23f) - 0x1.8p23f;
  }

  /// The nearest representable value.
  float round(float value, uint8_t &code) const {
    if (isInteger) {
      float count = steps(value);
      code = uint8_t(int(count) + zeroPoint);
      return scale * count;
    }
    code = element->encode(value / scale);
    return scale * element->decode(code);
  }

  /// Sum of weights[i] (values[i] - rounded)^2; `weights` may be null. Sixteen sums, so that
  /// additions of the fixed order overlap.
  float error(Span<const float> values, const float *weights) const {
    float sums[16] = {};
    size_t i = 0, count = values.size();
    auto add = [&](float &sum, size_t at) {
      uint8_t code;
      float difference =
          (isInteger ? scale * steps(values[at]) : round(values[at], code)) - values[at];
      sum += difference * difference * (weights ? weights[at] : 1.0f);
    };
    for (; i + 16 <= count; i += 16)
      for (size_t lane = 0; lane < 16; ++lane)
        add(sums[lane], i + lane);
    for (; i < count; ++i)
      add(sums[i % 16], i);
    float total = 0;
    for (float sum : sums)
      total += sum;
    return total;
  }

private:
  const ElementFormat *element;
  bool isInteger;
  int32_t zeroPoint;
  float scale, low, high;
};

/// The rounders of a row's groups.
inline std::vector<GroupRounder> roundersOfRow(const QuantizeSpec &spec, const WeightScales &scales,
                                               int64_t row) {
  std::vector<GroupRounder> rounders;
  for (int64_t group = 0; group < scales.scales.columns(); ++group)
    rounders.emplace_back(spec, scales.at(row, group), scales.tensorScale);
  return rounders;
}

} // namespace qllm::detail

#endif // QLLM_LIB_SOLVER_GROUPROUNDER_H
