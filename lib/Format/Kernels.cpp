// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each loop is written once as an always-inlined function; per instruction set a small function
// with the target attribute inlines it, and the compiler vectorizes the copy. Standard headers stay
// out of it: compiled with other flags per file, their inline functions could be shared with code
// that runs on machines without those instructions.

#include "Kernels.h"

#include "Minifloat.h"

#define QLLM_INLINE [[gnu::always_inline]] static inline

namespace qllm::detail {

namespace {

// Adding and subtracting 1.5 * 2^23 rounds to an integer, ties to even, for magnitudes up to 2^22,
// with no rounding instruction, which baseline x86-64 lacks.
constexpr float roundingMagic = 0x1.8p23f;

QLLM_INLINE std::int32_t floatToKey(float value) {
  std::int32_t bits = static_cast<std::int32_t>(floatToBits(value));
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

QLLM_INLINE KeyRange scanLoop(const float *values, std::size_t count) {
  std::int32_t low = 0x7fffffff, high = -0x7fffffff - 1;
  for (std::size_t i = 0; i != count; ++i) {
    std::int32_t key = floatToKey(values[i]);
    low = key < low ? key : low;
    high = key > high ? key : high;
  }
  return {low, high};
}

QLLM_INLINE double sumAbsLoop(const float *values, std::size_t count) {
  // Eight fixed lanes: floating-point sums depend on their order, so no instruction set may choose
  // its own.
  double lanes[8] = {};
  std::size_t whole = count - count % 8;
  for (std::size_t i = 0; i != whole; i += 8)
    for (unsigned lane = 0; lane != 8; ++lane)
      lanes[lane] += bitsToFloat(floatToBits(values[i + lane]) & 0x7fffffffu);
  for (std::size_t i = whole; i != count; ++i)
    lanes[i - whole] += bitsToFloat(floatToBits(values[i]) & 0x7fffffffu);
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
         ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

QLLM_INLINE void encodeAffineLoop(const float *values, std::size_t count, AffineCode code,
                                  std::uint8_t *codes) {
  for (std::size_t i = 0; i != count; ++i) {
    float ratio = values[i] / code.scale;
    ratio = ratio > code.low ? ratio : code.low;
    ratio = ratio < code.high ? ratio : code.high;
    float rounded = (ratio + roundingMagic) - roundingMagic;
    codes[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(rounded) + code.zeroPoint);
  }
}

QLLM_INLINE void encodeMinifloatLoop(const float *values, std::size_t count, float scale,
                                     MinifloatLayout layout, std::uint8_t *codes) {
  for (std::size_t i = 0; i != count; ++i)
    codes[i] = encodeMinifloat(values[i] / scale, layout);
}

QLLM_INLINE void encodeCodebookLoop(const float *values, std::size_t count, float scale,
                                    const float *thresholds, std::uint8_t *codes) {
  for (std::size_t i = 0; i != count; ++i) {
    float ratio = values[i] / scale;
    std::int32_t code = 0;
    for (unsigned t = 0; t != 15; ++t)
      code += ratio > thresholds[t];
    codes[i] = static_cast<std::uint8_t>(code);
  }
}

template <typename Code>
QLLM_INLINE void decodeAffineLoop(const std::uint8_t *codes, std::size_t count, float scale,
                                  std::int32_t zeroPoint, float *values) {
  for (std::size_t i = 0; i != count; ++i)
    values[i] = scale * static_cast<float>(static_cast<Code>(codes[i]) - zeroPoint);
}

QLLM_INLINE void decodeTableLoop(const std::uint8_t *codes, std::size_t count, float scale,
                                 const float *table, float *values) {
  for (std::size_t i = 0; i != count; ++i)
    values[i] = scale * table[codes[i]];
}

} // namespace

// One struct of functions per instruction set.
#define QLLM_KERNELS(NAME, LEVEL, TARGET)                                                          \
  namespace {                                                                                      \
  struct NAME {                                                                                    \
    TARGET static KeyRange scan(const float *x, std::size_t n) { return scanLoop(x, n); }          \
    TARGET static double sumAbs(const float *x, std::size_t n) { return sumAbsLoop(x, n); }        \
    TARGET static void encodeAffine(const float *x, std::size_t n, AffineCode c,                   \
                                    std::uint8_t *q) {                                             \
      encodeAffineLoop(x, n, c, q);                                                                \
    }                                                                                              \
    TARGET static void encodeE4M3(const float *x, std::size_t n, float s, std::uint8_t *q) {       \
      encodeMinifloatLoop(x, n, s, e4m3Layout, q);                                                 \
    }                                                                                              \
    TARGET static void encodeE5M2(const float *x, std::size_t n, float s, std::uint8_t *q) {       \
      encodeMinifloatLoop(x, n, s, e5m2Layout, q);                                                 \
    }                                                                                              \
    TARGET static void encodeE3M2(const float *x, std::size_t n, float s, std::uint8_t *q) {       \
      encodeMinifloatLoop(x, n, s, e3m2Layout, q);                                                 \
    }                                                                                              \
    TARGET static void encodeE2M3(const float *x, std::size_t n, float s, std::uint8_t *q) {       \
      encodeMinifloatLoop(x, n, s, e2m3Layout, q);                                                 \
    }                                                                                              \
    TARGET static void encodeE2M1(const float *x, std::size_t n, float s, std::uint8_t *q) {       \
      encodeMinifloatLoop(x, n, s, e2m1Layout, q);                                                 \
    }                                                                                              \
    TARGET static void encodeCodebook(const float *x, std::size_t n, float s, const float *t,      \
                                      std::uint8_t *q) {                                           \
      encodeCodebookLoop(x, n, s, t, q);                                                           \
    }                                                                                              \
    TARGET static void decodeSigned(const std::uint8_t *q, std::size_t n, float s, std::int32_t z, \
                                    float *x) {                                                    \
      decodeAffineLoop<std::int8_t>(q, n, s, z, x);                                                \
    }                                                                                              \
    TARGET static void decodeUnsigned(const std::uint8_t *q, std::size_t n, float s,               \
                                      std::int32_t z, float *x) {                                  \
      decodeAffineLoop<std::uint8_t>(q, n, s, z, x);                                               \
    }                                                                                              \
    TARGET static void decodeTable(const std::uint8_t *q, std::size_t n, float s, const float *t,  \
                                   float *x) {                                                     \
      decodeTableLoop(q, n, s, t, x);                                                              \
    }                                                                                              \
    static constexpr Kernels table = {LEVEL,      scan,           sumAbs,       encodeAffine,      \
                                      encodeE4M3, encodeE5M2,     encodeE3M2,   encodeE2M3,        \
                                      encodeE2M1, encodeCodebook, decodeSigned, decodeUnsigned,    \
                                      decodeTable};                                                \
  };                                                                                               \
  }

#define QLLM_NO_TARGET
QLLM_KERNELS(BaselineKernels, SimdLevel::Baseline, QLLM_NO_TARGET)

#if defined(__x86_64__)
QLLM_KERNELS(AVX2Kernels, SimdLevel::AVX2, [[gnu::target("avx2")]])
QLLM_KERNELS(AVX512Kernels, SimdLevel::AVX512,
             [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]])

bool isSupported(SimdLevel level) {
  switch (level) {
  case SimdLevel::Baseline:
    return true;
  case SimdLevel::AVX2:
    return __builtin_cpu_supports("avx2");
  case SimdLevel::AVX512:
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  }
  return false;
}

const Kernels &kernelsFor(SimdLevel level) {
  switch (level) {
  case SimdLevel::AVX512:
    return AVX512Kernels::table;
  case SimdLevel::AVX2:
    return AVX2Kernels::table;
  case SimdLevel::Baseline:
    break;
  }
  return BaselineKernels::table;
}
#else
bool isSupported(SimdLevel level) { return level == SimdLevel::Baseline; }
const Kernels &kernelsFor(SimdLevel) { return BaselineKernels::table; }
#endif

const Kernels &bestKernels() {
  static const Kernels &best = kernelsFor(isSupported(SimdLevel::AVX512) ? SimdLevel::AVX512
                                          : isSupported(SimdLevel::AVX2) ? SimdLevel::AVX2
                                                                         : SimdLevel::Baseline);
  return best;
}

float keyToFloat(std::int32_t key) {
  return bitsToFloat(static_cast<std::uint32_t>(key ^ ((key >> 31) & 0x7fffffff)));
}

} // namespace qllm::detail
