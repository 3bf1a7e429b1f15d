// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shuffles, votes, reductions and matches between the lanes of a warp.

#include "qllm/Emulator/Runtime/Ops/Evaluate.h"
#include "qllm/Format/HalfFloat.h"
#include <algorithm>
#include <cmath>

using namespace qllm;
using namespace qllm::emu;

namespace {

bool contains(uint32_t mask, unsigned lane) { return mask >> lane & 1; }

uint32_t combineFloat(const Reduce &operation, uint32_t a, uint32_t b) {
  float x = bitsToFloat(a), y = bitsToFloat(b);
  if (std::isnan(x) || std::isnan(y)) {
    if (operation.propagateNan || (std::isnan(x) && std::isnan(y)))
      return 0x7fffffff;
    return std::isnan(x) ? b : a;
  }
  bool first = operation.kind == Reduce::FloatMin ? x < y || (x == y && std::signbit(x))
                                                  : x > y || (x == y && !std::signbit(x));
  return first ? a : b;
}

uint32_t combine(const Reduce &operation, uint32_t a, uint32_t b) {
  switch (operation.kind) {
  case Reduce::Add:
    return a + b;
  case Reduce::And:
    return a & b;
  case Reduce::Or:
    return a | b;
  case Reduce::Xor:
    return a ^ b;
  case Reduce::Min:
    return uint32_t(std::min(int32_t(a), int32_t(b)));
  case Reduce::Max:
    return uint32_t(std::max(int32_t(a), int32_t(b)));
  case Reduce::UnsignedMin:
    return std::min(a, b);
  case Reduce::UnsignedMax:
    return std::max(a, b);
  case Reduce::FloatMin:
  case Reduce::FloatMax:
    break;
  }
  return combineFloat(operation, a, b);
}

} // namespace

ShuffleSource qllm::emu::shuffleSource(const Shuffle &operation, unsigned lane, uint32_t offset,
                                       uint32_t maskAndClamp) {
  // The upper bits of the mask cut the warp into segments; the clamp bounds the lane within one.
  unsigned segment = maskAndClamp >> 8 & 31, clamp = maskAndClamp & 31;
  int amount = int(offset & 31), self = int(lane), first = int(lane & segment);
  int last = first | int(clamp & ~segment & 31), source = self;
  bool valid = false;
  switch (operation.kind) {
  case Shuffle::Up: // the clamp bounds from below
    source = self - amount;
    valid = source >= last;
    break;
  case Shuffle::Down:
    source = self + amount;
    valid = source <= last;
    break;
  case Shuffle::Butterfly:
    source = self ^ amount;
    valid = source <= last;
    break;
  case Shuffle::Index:
    source = first | int(unsigned(amount) & ~segment & 31);
    valid = source <= last;
    break;
  }
  return {valid ? unsigned(source) : lane, valid};
}

uint32_t qllm::emu::evaluate(const Vote &operation, uint32_t mask, WordsIn in) {
  uint32_t ballot = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (contains(mask, lane))
      ballot |= (in[lane][0] & 1) << lane;
  switch (operation.kind) {
  case Vote::Any:
    return ballot != 0;
  case Vote::All:
    return ballot == mask;
  case Vote::Ballot:
    return ballot;
  case Vote::Uniform:
    break;
  }
  return ballot == 0 || ballot == mask;
}

uint32_t qllm::emu::evaluate(const Reduce &operation, uint32_t mask, WordsIn in) {
  std::optional<uint32_t> result;
  for (unsigned lane = 0; lane < 32; ++lane) {
    if (!contains(mask, lane))
      continue;
    uint32_t value = operation.absolute ? in[lane][0] & 0x7fffffff : in[lane][0];
    result = result ? combine(operation, *result, value) : value;
  }
  return result.value_or(0);
}

uint32_t qllm::emu::matchLanes(uint32_t mask, unsigned lane, unsigned words, WordsIn in) {
  uint32_t equal = 0;
  for (unsigned other = 0; other < 32; ++other)
    if (contains(mask, other) && std::equal(in[lane], in[lane] + words, in[other]))
      equal |= uint32_t(1) << other;
  return equal;
}
