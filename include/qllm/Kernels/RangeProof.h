// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the accumulators of integer products can hold, proven from the formats alone: no value of a
// model is looked at, so the proof holds for every input.

#ifndef QLLM_KERNELS_RANGEPROOF_H
#define QLLM_KERNELS_RANGEPROOF_H

#include <cstdint>
#include <optional>
#include <string>

namespace qllm::kernels {

/// All integers from `low` to `high`, both included.
struct Interval {
  std::int64_t low = 0;
  std::int64_t high = 0;

  std::int64_t magnitude() const { return high > -low ? high : -low; }
  bool contains(Interval other) const { return low <= other.low && other.high <= high; }
  std::string str() const; ///< `[-8, 7]`
};

/// The codes of an integer format of at most 32 bits.
Interval codeInterval(unsigned bits, bool isSigned);

/// Differences and products of all members; none where 64 bits do not hold the result.
std::optional<Interval> subtract(Interval a, Interval b);
std::optional<Interval> multiply(Interval a, Interval b);
/// All sums of `length` members.
std::optional<Interval> sumOf(Interval term, std::int64_t length);

/// How a sum of products is held in the inner loop.
enum class Accumulator : std::uint8_t {
  /// Int32 that may wrap on the way: exact because the sum itself fits.
  WrappedInt32,
  /// Int32 that starts at the bits of the float 1.5 * 2^23. Its bits are then a float too, 1.5 *
  /// 2^23 + sum, and one
  /// subtraction gives the sum without a conversion. Exact while |sum| < 2^22.
  FloatBits,
};

/// The bits and the value of 1.5 * 2^23.
inline constexpr std::int32_t floatBitsStart = 0x4b400000;
inline constexpr float floatBitsOffset = 12582912.0f;

/// A sum of products whose accumulator is to be chosen.
struct SumOfProducts {
  Interval left, right;
  std::int64_t length = 0;
  /// Zero points that are taken off the codes; [0, 0] for none.
  Interval leftZero, rightZero;
  /// The accumulator holds the sum times 2^scaleLog2 (codes that were unpacked as multiples of 16).
  unsigned scaleLog2 = 0;
  /// Whether the sum becomes a float in the loop (a group) rather than once at the end.
  bool toFloatInLoop = false;
};

/// An accumulator with the numbers that prove it, or the numbers that forbid every one.
struct AccumulatorProof {
  std::optional<Accumulator> accumulator; ///< none: refused
  std::string explanation;                ///< one sentence, lower case
  /// Whether the sum without the zero points of the right side needs 64 bits, and the one without
  /// any, though that of the codes does not.
  bool wideRight = false;
  bool wide = false;
};

AccumulatorProof proveAccumulator(const SumOfProducts &sum);

} // namespace qllm::kernels

#endif // QLLM_KERNELS_RANGEPROOF_H
