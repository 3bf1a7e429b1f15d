// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes and limits of kernels that quantize.

#include "qllm/Kernels/QuantizeKernel.h"

#include <algorithm>

using namespace qllm;
using namespace qllm::kernels;

namespace {

FormatStatus refuse(const std::string &wanted, std::int64_t found) {
  return FormatStatus::failure("expected " + wanted + ", but got " + std::to_string(found));
}

std::int64_t ceilDivide(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

bool isPowerOfTwo(std::int64_t value) { return value > 0 && (value & (value - 1)) == 0; }

} // namespace

std::int64_t QuantizeKernel::longest() const {
  return std::max({columns, innerColumns, resultColumns});
}

std::int64_t QuantizeKernel::warpsOfRow() const {
  constexpr std::int64_t piecesOfOneWarp = 96;
  std::int64_t pieces = longest() / pieceLength;
  if (pieces <= piecesOfOneWarp)
    return 1;
  if (isLong())
    return warpsOfLongRows;
  // Two pieces bring enough bytes under way for a thread, and leave room for other blocks.
  for (std::int64_t perThread = 2;; ++perThread)
    if (std::int64_t warps = ceilDivide(pieces, 32 * perThread); warps <= mostWarps)
      return warps;
}

std::int64_t QuantizeKernel::rowBytes() const {
  // Behind the row there is a zero.
  std::int64_t gathered = gathers ? columns + pieceLength : 0;
  std::int64_t rotated = hadamard > 32 * pieceLength ? innerColumns : 0;
  if (rank == 0)
    return 4 * std::max(gathered, rotated);
  // Lanes that read neighbours of eight rows meet in no bank.
  return 4 * (32 * ceilDivide(std::max(gathered, innerColumns), 32) + 4);
}

std::int64_t QuantizeKernel::rowsOfBlock() const {
  if (rank == 0 || rowsAtOnce() != 1)
    return rowsAtOnce();
  auto rowsIn = [&](std::int64_t bytes) { return (bytes - rowOffset()) / rowBytes(); };
  std::int64_t few = std::min(rowsIn(targetShared), partRows / 2);
  return std::clamp<std::int64_t>(rowsIn(targetShared / 2), std::max<std::int64_t>(few, 1),
                                  partRows);
}

QuantizeKernel QuantizeKernel::on(const Target &target) const {
  QuantizeKernel there = *this;
  there.targetShared = target.sharedBytes();
  return there;
}

FormatStatus QuantizeKernel::verify() const {
  if (codes.bits < 3 || codes.bits > 8)
    return refuse("codes of 3 to 8 bits", codes.bits);
  for (std::int64_t size : {columns, innerColumns, resultColumns})
    if (size < 1 || size > longestRow || size % pieceLength != 0)
      return refuse("rows of a multiple of 8 elements, at most " + std::to_string(longestRow),
                    size);
  if (FormatStatus status = verifyRegisters(); !status)
    return status;
  if (FormatStatus status = verifyGroups(); !status)
    return status;
  if (FormatStatus status = verifyRotation(); !status)
    return status;
  return verifyRank();
}

FormatStatus QuantizeKernel::verifyRegisters() const {
  if (hasNorm && longest() > longestNormed)
    return refuse("rows of at most " + std::to_string(longestNormed) +
                      " elements beside a residual or norm, as threads have registers for",
                  longest());
  if ((hasRowBeside || rank != 0) && longest() > longestBeside)
    return refuse("rows of at most " + std::to_string(longestBeside) +
                      " elements beside a gate, principal part or rounding offsets, as threads "
                      "have registers for",
                  longest());
  return {};
}

FormatStatus QuantizeKernel::verifyGroups() const {
  if (!isGrouped())
    return {};
  constexpr std::int64_t longest = 32 * pieceLength;
  if (isPowerOfTwo(groupLength) && groupLength >= pieceLength && groupLength <= longest &&
      resultColumns % groupLength == 0)
    return {};
  return refuse("groups of 8, 16, .. or " + std::to_string(longest) +
                    " elements that divide rows of " + std::to_string(resultColumns),
                groupLength);
}

FormatStatus QuantizeKernel::verifyRotation() const {
  if (isPowerOfTwo(hadamard) && hadamard <= longestRotation && innerColumns % hadamard == 0)
    return {};
  return refuse("a Hadamard matrix of 1, 2, 4, .. or " + std::to_string(longestRotation) +
                    " rows that divide rows of " + std::to_string(innerColumns),
                hadamard);
}

FormatStatus QuantizeKernel::verifyRank() const {
  if (rank >= 0 && rank <= mostRank && rank % rankStep == 0)
    return {};
  return refuse("a principal part of a multiple of 32 rows, at most " + std::to_string(mostRank),
                rank);
}

FormatStatus QuantizeKernel::verifyOn(const Target &target) const {
  if (toFloats)
    if (FormatStatus status = need(Capability::ConvertFloat4, target); !status)
      return status;
  std::int64_t bytes = on(target).sharedBytes();
  if (bytes <= target.sharedBytes())
    return {};
  return refuse("rows that take at most " + std::to_string(target.sharedBytes()) +
                    " bytes of shared memory on " + std::string(target.name),
                bytes);
}
