// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes and limits of kernels for 16-bit floats and integer weights.

#include "qllm/Kernels/WeightOnlyKernel.h"

#include "UnsharedTiles.h"
#include "qllm/Kernels/ThreadRegisters.h"

#include <algorithm>

using namespace qllm;
using namespace qllm::kernels;

namespace {

/// What a thread needs beside its sums: fragments, addresses, counters; and to share tiles. A
/// low-rank branch has theirs when the loop is over.
constexpr std::int64_t otherRegisters = 88, streamRegisters = 40;
/// Of a thread that shares tiles and has a low-rank branch: the branch needs theirs again while
/// they wait to be stored or added.
constexpr std::int64_t mostStreamedSums = 64;
/// Offsets inside an operand are computed in 32 bits.
constexpr std::int64_t mostElements = std::int64_t{1} << 29;

FormatStatus refuse(const std::string &wanted, const std::string &found) {
  return FormatStatus::failure("expected " + wanted + ", but got " + found);
}

std::string number(std::int64_t value) { return std::to_string(value); }

} // namespace

OperandTile WeightOnlyKernel::inputTile() const {
  return {schedule.tileRows, schedule.tileDepth * 2, depth * 2};
}

OperandTile WeightOnlyKernel::weightTile() const {
  WeightLayout order = layout();
  return {schedule.tileColumns / order.tileRows(),
          schedule.tileDepth / order.tileColumns() * layoutBytes(),
          order.columnTiles(depth) * layoutBytes()};
}

std::int64_t WeightOnlyKernel::runLength() const {
  return isGrouped() ? std::min(groupLength, depthOfWarp()) : depth;
}

std::int64_t WeightOnlyKernel::sharedBytes() const {
  // Sums of the warps that share columns, or the ring of tiles.
  return isDirect() ? schedule.warpRows * schedule.tileRows * sharedPitch() * 4
                    : schedule.stages * stageBytes();
}

FormatStatus WeightOnlyKernel::verifyFormats() const {
  // A wide code minus a zero point has nine bits, which bf16 has not.
  bool holdsAll = input == HalfKind::F16;
  unsigned most = holdsAll || weight.isSigned ? 8 : 4;
  if (weight.bits < 3 || weight.bits > most)
    return refuse(holdsAll ? "codes of 3 to 8 bits beside inputs of f16"
                           : "codes of 3 to 8 bits, or of up to 4 with zero points, beside inputs "
                             "of bf16",
                  weight.str());
  return {};
}

FormatStatus WeightOnlyKernel::verifySizes() const {
  if (columns < 1 || depth < 1)
    return refuse("at least one row and column of the weight",
                  number(columns) + "x" + number(depth));
  if (columns > mostElements || depth > mostElements)
    return refuse("at most 2^29 rows and columns of the weight",
                  number(columns) + "x" + number(depth));
  if (depth % 8 != 0)
    return refuse("rows of a multiple of 16 bytes, which copies need",
                  number(depth) + " elements of 16 bits");
  return {};
}

FormatStatus WeightOnlyKernel::verifyGroups() const {
  if (groups() > mostElements / columns)
    return refuse("at most 2^29 scales of weights", number(groups()) + "x" + number(columns));
  if (!isGrouped())
    return {};
  bool divides = depthOfWarp() % groupLength == 0 || groupLength % depthOfWarp() == 0;
  if (depth % groupLength != 0 || groupLength % stepDepth != 0 || !divides)
    return refuse("groups of a multiple of 16 that divide " + number(depth) +
                      ", and divide the depth of a warp's tile, " + number(depthOfWarp()) +
                      ", or are multiples of it",
                  "groups of " + number(groupLength));
  return {};
}

FormatStatus WeightOnlyKernel::verifyRank() const {
  if (rank >= 0 && rank <= mostRank && rank % stepDepth == 0)
    return {};
  return refuse("a rank that is a multiple of " + number(stepDepth) + " and at most " +
                    number(mostRank),
                number(rank));
}

FormatStatus WeightOnlyKernel::verifyRing() const {
  const Schedule &s = schedule;
  if (s.tileRows % (16 * s.warpRows) != 0 || s.tileColumns % (16 * s.warpColumns) != 0)
    return refuse("tiles of warps that are multiples of 16x16, or tiles of 8 rows",
                  number(s.tileRows) + "x" + number(s.tileColumns) + " on " + number(s.warpRows) +
                      "x" + number(s.warpColumns) + " warps");
  if (s.tileDepth != 64 && s.tileDepth != 128)
    return refuse("a tile depth of 64 or 128", number(s.tileDepth));
  if (s.stages < 2 || s.stages > 8)
    return refuse("2 to 8 stages", number(s.stages));
  // All threads together copy whole rows, so that each stays in its column; and of swizzled rows
  // whole periods of 8.
  std::int64_t threads = std::max(inputTile().piecesPerRow() * 8, weightTile().piecesPerRow());
  if (s.threads() % threads != 0)
    return refuse("a multiple of " + number(threads / 32) + " warps for a depth of " +
                      number(s.tileDepth),
                  number(s.warps()));
  return {};
}

FormatStatus WeightOnlyKernel::verifyDirect() const {
  const Schedule &s = schedule;
  std::int64_t wantedDepth = s.warpRows * layout().tileColumns();
  if (s.tileColumns % (16 * s.warpColumns) != 0 || s.tileDepth % wantedDepth != 0)
    return refuse("tiles of a multiple of " + number(16 * s.warpColumns) + " columns and " +
                      number(wantedDepth) + " of depth for " + number(s.warpRows) + "x" +
                      number(s.warpColumns) + " warps",
                  number(s.tileColumns) + " and " + number(s.tileDepth));
  if (s.stages != 1)
    return refuse("1 stage with tiles of 8 rows", number(s.stages));
  return {};
}

std::int64_t WeightOnlyKernel::sumsOfThread() const {
  return (isDirect() ? schedule.tileRows : schedule.rowsOfWarp()) * schedule.columnsOfWarp() / 32;
}

FormatStatus WeightOnlyKernel::verifyRegisters() const {
  const Schedule &s = schedule;
  if (s.threads() > maxThreads)
    return refuse("at most " + number(maxThreads / 32) + " warps", number(s.warps()));
  // Sums of a run are beside those of all groups; an assembler begins runs of the same tile before
  // it has finished one, and loads what belongs to them. With these shares none of 464 kernels
  // spilled. Loaded weights take a word for eight codes.
  std::int64_t sums = sumsOfThread();
  std::int64_t runs = isGrouped() ? depthOfWarp() / runLength() : 0;
  std::int64_t ofRuns = s.columnsOfWarp() / 8 * (weight.isSigned ? 1 : 2);
  std::int64_t held = isGrouped() ? sums * (runs + 1) / 2 + runs * ofRuns : 0;
  std::int64_t loaded =
      isDirect() ? s.columnsOfWarp() * depthOfWarp() * weight.storageBits() / 1024 : 0;
  std::int64_t registers =
      sums + held + loaded * 2 + otherRegisters + (s.isStreamed() ? streamRegisters : 0);
  if (std::int64_t most = registersOfThread(s.threads()); registers > most)
    return refuse("tiles of warps that take at most " + number(most) + " registers of each of " +
                      number(s.threads()) + " threads",
                  "about " + number(registers) + " for " + number(s.rowsOfWarp()) + "x" +
                      number(s.columnsOfWarp()) +
                      (isGrouped() ? " and " + number(runs) + " groups in its depth" : ""));
  if (sharedBytes() > largestSharedBytes())
    return refuse("at most " + number(largestSharedBytes()) +
                      " bytes of shared memory, which no target exceeds",
                  number(sharedBytes()));
  return {};
}

FormatStatus WeightOnlyKernel::verifyStream() const {
  if (!schedule.isStreamed())
    return {};
  if (rank != 0 && sumsOfThread() > mostStreamedSums)
    return refuse("tiles of warps with at most " + number(mostStreamedSums) +
                      " sums of a thread, beside a low-rank branch by stream_k",
                  number(sumsOfThread()) + " for " + number(schedule.rowsOfWarp()) + "x" +
                      number(schedule.columnsOfWarp()));
  return stream().verify();
}

FormatStatus WeightOnlyKernel::verify() const {
  if (FormatStatus status = schedule.verify(); !status)
    return status;
  if (FormatStatus status = schedule.verifyColumns(columns); !status)
    return status;
  if (FormatStatus status = verifyAlone(schedule); !status)
    return status;
  for (auto check : {&WeightOnlyKernel::verifyFormats, &WeightOnlyKernel::verifySizes,
                     isDirect() ? &WeightOnlyKernel::verifyDirect : &WeightOnlyKernel::verifyRing,
                     &WeightOnlyKernel::verifyGroups, &WeightOnlyKernel::verifyRank,
                     &WeightOnlyKernel::verifyRegisters, &WeightOnlyKernel::verifyStream})
    if (FormatStatus status = (this->*check)(); !status)
      return status;
  return {};
}

FormatStatus WeightOnlyKernel::verifyOn(const Target &target) const {
  if (sharedBytes() <= target.sharedBytes())
    return {};
  return refuse("at most " + number(target.sharedBytes()) + " bytes of shared memory on " +
                    std::string(target.name),
                number(sharedBytes()) + " for " + number(schedule.stages) + " stages");
}
