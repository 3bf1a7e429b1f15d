// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The published block formats by name: which elements, which scales, how many values share one.

#ifndef QLLM_FORMAT_BLOCKFORMATS_H
#define QLLM_FORMAT_BLOCKFORMATS_H

#include "qllm/Format/Quantize.h"

#include <cstddef>
#include <string_view>

namespace qllm {

/// A spec with a fixed group size along the reduction axis.
struct BlockFormat {
  std::string_view name;
  QuantizeSpec spec;
  std::size_t groupSize = 0;

  /// Bits of storage per value, scales included and the one tensor scale left out: 4.25 for
  /// mxfp4, 4.5 for nvfp4.
  double bitsPerValue() const;
};

/// mxfp8-e4m3, mxfp8-e5m2, mxfp6-e3m2, mxfp6-e2m3, mxfp4 (32 values, UE8M0, OCP's floor rule; set
/// `spec.powerOfTwoRule` for the other one), nvfp4 (16 values, E4M3, f32 per tensor), nf4 (64
/// values, f32), or null.
const BlockFormat *lookupBlockFormat(std::string_view name);
/// All of them, in that order.
Span<const BlockFormat> allBlockFormats();

} // namespace qllm

#endif // QLLM_FORMAT_BLOCKFORMATS_H
