// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Linear layers by warpgroups: which schedules work, and what producers copy.

#include "qllm/Kernels/LinearKernel.h"

#include <algorithm>

using namespace qllm;
using namespace qllm::kernels;

namespace {

/// Rows of the swizzle of 128 bytes are as wide as a tile is deep; without one a box has at most
/// 256 elements, which are bytes here, along each side.
constexpr std::int64_t swizzleBytes = 128, widestBox = 256;

std::string number(std::int64_t value) { return std::to_string(value); }

FormatStatus refuse(const std::string &wanted, const std::string &found) {
  return FormatStatus::failure("expected " + wanted + " with producers, but got " + found);
}

} // namespace

FormatStatus LinearKernel::verifyWarpgroups() const {
  const Schedule &s = schedule;
  if (s.producers != 1)
    return refuse("one of them", number(s.producers));
  if (input.storageBits() != 8)
    return refuse("inputs of one code to a byte", input.str() + ", two to a byte");
  std::optional<Interval> factors = weightFactors();
  bool areBytes = factors && codeInterval(8, /*isSigned=*/true).contains(*factors);
  if (isGrouped() && !weight.isSigned && !(subtractsZeroPoints() && areBytes))
    return refuse("groups of symmetric weights, or of weights of 3 or 4 bits with zero points of 4",
                  weight.str() + " with zero points in " + weightZero.str());
  if (isGrouped() && !isTransposed())
    return refuse("warps that share columns, as there are scales of groups",
                  number(s.warpRows) + "x" + number(s.warpColumns) + " warps");
  if (inputTile().rowBytes != swizzleBytes)
    return refuse("a tile depth of 128", number(s.tileDepth));
  if (s.stages < 2 || s.stages > 8)
    return refuse("2 to 8 stages", number(s.stages));
  std::int64_t along = isTransposed() ? s.warpColumns : s.warpRows,
               across = isTransposed() ? s.warpRows : s.warpColumns;
  const char *side = isTransposed() ? "columns" : "rows";
  if (across != 1 || (along != 4 && along != 8) || sharedSide() != 16 * along)
    return refuse("4 or 8 warps that have 16 " + std::string(side) + " of the tile each",
                  number(s.warpRows) + "x" + number(s.warpColumns) + " warps on " +
                      number(s.tileRows) + "x" + number(s.tileColumns));
  // Sums of groups are beside those of all groups; an assembler may keep those of four groups.
  std::int64_t widest = !isGrouped()          ? widestBox
                        : groupsOfTile() <= 2 ? widestBox / 2
                                              : widestBox / 4;
  if ((wholeSide() % 16 != 0 && wholeSide() != 8) || wholeSide() > widest)
    return refuse("8 or a multiple of 16 up to " + number(widest) +
                      (isTransposed() ? " rows" : " columns") + " of the tile",
                  number(wholeSide()));
  if (sharedBytes() > largestSharedBytes())
    return refuse("at most " + number(largestSharedBytes()) + " bytes of shared memory",
                  number(sharedBytes()) + " for " + number(s.stages) + " stages");
  return verifyCluster();
}

FormatStatus LinearKernel::verifyCluster() const {
  if (schedule.cluster == 1)
    return {};
  // The swizzle permutes pieces over eight rows.
  OperandTile tile = sharedOperand() == 0 ? inputTile() : weightTile();
  std::int64_t part = tile.rowBytes == swizzleBytes ? 8 : 1;
  if (tile.rows % (schedule.cluster * part) != 0)
    return refuse("a tile whose " + number(tile.rows) + " rows of bytes a cluster shares" +
                      (part == 1 ? "" : ", eight or a multiple each"),
                  number(schedule.cluster) + " blocks");
  std::int64_t tiles = schedule.columnTiles(columns);
  if (tiles % columnCluster() != 0)
    return refuse("tiles of columns that clusters divide",
                  number(tiles) + " for clusters of " + number(schedule.cluster));
  return {};
}

std::vector<TensorBox> LinearKernel::boxes() const {
  std::vector<TensorBox> boxes;
  for (unsigned operand : {0u, 1u}) {
    OperandTile tile = operand == 0 ? inputTile() : weightTile();
    bool swizzled = tile.rowBytes == swizzleBytes;
    boxes.push_back({operand, tile.rows / (operand == sharedOperand() ? schedule.cluster : 1),
                     std::min(tile.rowBytes, widestBox), swizzled ? swizzleBytes : 0});
  }
  return boxes;
}
