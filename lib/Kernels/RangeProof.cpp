// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interval arithmetic on codes, and the choice of an accumulator.

#include "qllm/Kernels/RangeProof.h"

#include <algorithm>
#include <limits>

using namespace qllm;
using namespace qllm::kernels;

namespace {

constexpr Interval int32Range = {std::numeric_limits<std::int32_t>::min(),
                                 std::numeric_limits<std::int32_t>::max()};
constexpr std::int64_t floatBitsLimit = std::int64_t{1} << 22;

/// A sum of products with its bounds, and the words for both.
struct BoundedSum {
  std::optional<Interval> bounds;
  std::string text;

  BoundedSum(std::optional<Interval> left, std::optional<Interval> right, std::int64_t length,
             unsigned scaleLog2) {
    std::optional<Interval> term = left && right ? multiply(*left, *right) : std::nullopt;
    std::optional<Interval> total = term ? sumOf(*term, length) : std::nullopt;
    bounds = total ? sumOf(*total, std::int64_t{1} << scaleLog2) : std::nullopt;
    if (!left || !right)
      return;
    text = "the sum of " + std::to_string(length) + " products of " + left->str() + " and " +
           right->str();
    if (scaleLog2 != 0)
      text += " times " + std::to_string(std::int64_t{1} << scaleLog2);
    text += bounds ? " lies in " + bounds->str() : " exceeds 64 bits";
  }

  bool fits(Interval range) const { return bounds && range.contains(*bounds); }
};

std::optional<Interval> makeInterval(__int128 low, __int128 high) {
  constexpr __int128 least = std::numeric_limits<std::int64_t>::min();
  constexpr __int128 most = std::numeric_limits<std::int64_t>::max();
  if (low <= least || high > most) // the least value has no magnitude
    return std::nullopt;
  return Interval{std::int64_t(low), std::int64_t(high)};
}

} // namespace

std::string Interval::str() const {
  return "[" + std::to_string(low) + ", " + std::to_string(high) + "]";
}

Interval kernels::codeInterval(unsigned bits, bool isSigned) {
  if (isSigned)
    return {-(std::int64_t{1} << (bits - 1)), (std::int64_t{1} << (bits - 1)) - 1};
  return {0, (std::int64_t{1} << bits) - 1};
}

std::optional<Interval> kernels::subtract(Interval a, Interval b) {
  return makeInterval(__int128{a.low} - b.high, __int128{a.high} - b.low);
}

std::optional<Interval> kernels::multiply(Interval a, Interval b) {
  auto [low, high] = std::minmax({__int128{a.low} * b.low, __int128{a.low} * b.high,
                                  __int128{a.high} * b.low, __int128{a.high} * b.high});
  return makeInterval(low, high);
}

std::optional<Interval> kernels::sumOf(Interval term, std::int64_t length) {
  return makeInterval(__int128{term.low} * length, __int128{term.high} * length);
}

AccumulatorProof kernels::proveAccumulator(const SumOfProducts &sum) {
  BoundedSum raw(sum.left, sum.right, sum.length, sum.scaleLog2);
  if (!raw.fits(int32Range))
    return {std::nullopt, raw.text + ", outside int32"};
  // Corrections for zero points are exact modulo 2^32 or 2^64, so only their result has to fit.
  BoundedSum centred(subtract(sum.left, sum.leftZero), subtract(sum.right, sum.rightZero),
                     sum.length, 0);
  if (!centred.bounds)
    return {std::nullopt, "without zero points, " + centred.text};
  bool wideRight =
      !BoundedSum(sum.left, subtract(sum.right, sum.rightZero), sum.length, 0).fits(int32Range);
  bool wide = wideRight || !centred.fits(int32Range);
  if (sum.toFloatInLoop && raw.bounds->magnitude() < floatBitsLimit)
    return {Accumulator::FloatBits, raw.text + ", below 2^22", wideRight, wide};
  return {Accumulator::WrappedInt32, raw.text + ", inside int32", wideRight, wide};
}
