// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A quantization spec made ready for many groups: denominators, code limits and loops are looked up
// once.

#ifndef QLLM_LIB_FORMAT_GROUPCODEC_H
#define QLLM_LIB_FORMAT_GROUPCODEC_H

#include "Kernels.h"

#include "qllm/Format/Quantize.h"

namespace qllm::detail {

/// What a group's extent is divided by: the largest element, or the number of steps in a range.
float largestStepCount(const QuantizeSpec &spec);

/// Whether values beyond `maxRangeMagnitude` are refused.
inline bool limitsMagnitude(const QuantizeSpec &spec) {
  return !spec.symmetric || spec.hasTensorScale;
}

/// The end of a range times the clip, held within what ranges may be.
float clipped(const QuantizeSpec &spec, float bound);

class GroupCodec {
public:
  /// `spec` must verify.
  GroupCodec(const QuantizeSpec &spec, float tensorScale, const Kernels &kernels);

  /// Parameters of finite values in a non-empty range. `absMean`, their mean magnitude, is read for
  /// `AbsMean` only.
  GroupParameters parametersFor(const ValueRange &range, float absMean) const;
  /// The mean magnitude, or 0 when the spec has no use for it.
  float absMean(Span<const float> group) const;
  void encode(const GroupParameters &parameters, Span<const float> values,
              std::uint8_t *codes) const;
  void decode(const GroupParameters &parameters, Span<const std::uint8_t> codes,
              float *values) const;
  /// scale * tensorScale, the step that values are divided by.
  float effectiveScale(float stored) const { return stored * tensorScale; }

private:
  float storedScale(float numerator, float floor) const;
  GroupParameters asymmetricParameters(ValueRange range) const;

  const QuantizeSpec &spec;
  const Kernels &kernels;
  float tensorScale;
  float denominator; ///< largestStepCount
  float lowestCode, highestCode;
  void (*encodeFloat)(const float *, std::size_t, float, std::uint8_t *) = nullptr;
};

} // namespace qllm::detail

#endif // QLLM_LIB_FORMAT_GROUPCODEC_H
