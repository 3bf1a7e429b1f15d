// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places of codes in a cache, and limits of its sizes.

#include "qllm/Kernels/KVCache.h"

#include <string>

using namespace qllm;
using namespace qllm::kernels;

static FormatStatus refuse(const std::string &wanted, std::int64_t found) {
  return FormatStatus::failure("expected " + wanted + ", but got " + std::to_string(found));
}

KVCache::Place KVCache::keyPlace(std::int64_t token, std::int64_t element) const {
  std::int64_t a = token / 8, i = token / 4 % 2, b = token / 2 % 2, e = token % 2;
  std::int64_t half = headSize / 2, quarter = headSize / 8;
  std::int64_t lane = element % half / quarter;
  std::int64_t code = element / half * quarter + element % quarter; // among those of the lane
  std::int64_t byte = code * keyBits / 8;
  // Pieces of 16 bytes: where a lane has fewer for a key, two keys share one.
  std::int64_t column = 2 * a + e, pieceOfLane = column * 4 + lane;
  std::int64_t piece = keyLaneBytes() == 8 ? i : (2 * i + b) * (keyLaneBytes() / 16) + byte / 16;
  std::int64_t inPiece = keyLaneBytes() == 8 ? b * 8 + byte : byte % 16;
  return {piece * 512 + pieceOfLane * 16 + inPiece, unsigned(code * keyBits % 8)};
}

KVCache::Place KVCache::valuePlace(std::int64_t token, std::int64_t element) const {
  if (valueBits == 8)
    return {valuesAt() + element * chunkTokens + token, 0};
  // A byte has an element of the first half and the one of the second that belongs to it.
  std::int64_t half = headSize / 2;
  return {valuesAt() + element % half * chunkTokens + token, unsigned(element / half * 4)};
}

FormatStatus KVCache::verify() const {
  if (heads < 1 || heads > 1024)
    return refuse("1 to 1024 heads of keys and values", heads);
  if (headSize != 64 && headSize != 128)
    return refuse("heads of 64 or 128 elements", headSize);
  if (!isPage(pageTokens))
    return refuse("pages of a multiple of 32 tokens, up to 4096", pageTokens);
  return {};
}
