// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loops that touch every weight, compiled for several instruction sets and picked at run time.
// Every variant gives the same bits: only exactly rounded operations, reductions over integers or
// over a fixed number of lanes, and no fused multiply-add.

#ifndef QLLM_LIB_FORMAT_KERNELS_H
#define QLLM_LIB_FORMAT_KERNELS_H

#include "qllm/Format/ElementFormat.h"

#include <cstddef>
#include <cstdint>

namespace qllm::detail {

enum class SimdLevel : std::uint8_t { Baseline, AVX2, AVX512 };

/// How integers are quantized: code = zeroPoint + roundHalfEven(clamp(x / scale, low, high)), the
/// bounds already moved by the zero point. They and the zero point are integers of magnitude at
/// most 2^22.
struct AffineCode {
  float scale;
  float low, high;
  std::int32_t zeroPoint;
};

/// Order-preserving integers of floats: keys compare as the floats do, NaNs and infinities lie at
/// the ends.
struct KeyRange {
  std::int32_t min, max;
};

/// One instruction set's loops. Sizes are element counts, pointers need no alignment.
struct Kernels {
  SimdLevel level;
  KeyRange (*scan)(const float *values, std::size_t count); ///< count > 0
  double (*sumAbs)(const float *values, std::size_t count);
  void (*encodeAffine)(const float *values, std::size_t count, AffineCode code,
                       std::uint8_t *codes);
  void (*encodeE4M3)(const float *values, std::size_t count, float scale, std::uint8_t *codes);
  void (*encodeE5M2)(const float *values, std::size_t count, float scale, std::uint8_t *codes);
  void (*encodeE3M2)(const float *values, std::size_t count, float scale, std::uint8_t *codes);
  void (*encodeE2M3)(const float *values, std::size_t count, float scale, std::uint8_t *codes);
  void (*encodeE2M1)(const float *values, std::size_t count, float scale, std::uint8_t *codes);
  /// Counts, for each value / scale, the 15 `thresholds` below it.
  void (*encodeCodebook)(const float *values, std::size_t count, float scale,
                         const float *thresholds, std::uint8_t *codes);
  /// values = scale * (code - zeroPoint) for sign- or zero-extended code bytes.
  void (*decodeSigned)(const std::uint8_t *codes, std::size_t count, float scale,
                       std::int32_t zeroPoint, float *values);
  void (*decodeUnsigned)(const std::uint8_t *codes, std::size_t count, float scale,
                         std::int32_t zeroPoint, float *values);
  /// values = scale * table[code], 256 entries.
  void (*decodeTable)(const std::uint8_t *codes, std::size_t count, float scale, const float *table,
                      float *values);
};

/// Whether this machine can run a level.
bool isSupported(SimdLevel level);
/// The loops of a level that is supported.
const Kernels &kernelsFor(SimdLevel level);
/// The highest supported level.
const Kernels &bestKernels();

/// The float of an order-preserving key.
float keyToFloat(std::int32_t key);
/// Whether the key belongs to a NaN or an infinity.
inline bool isNonFinite(std::int32_t key) { return key > 0x7f7fffff || key < ~0x7f7fffff; }

} // namespace qllm::detail

#endif // QLLM_LIB_FORMAT_KERNELS_H
