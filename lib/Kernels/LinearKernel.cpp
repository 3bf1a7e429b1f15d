// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes and limits of kernels for integer linear layers.

#include "qllm/Kernels/LinearKernel.h"

#include "UnsharedTiles.h"
#include "qllm/Kernels/LaunchLimits.h"
#include "qllm/Kernels/ThreadRegisters.h"
#include "qllm/Kernels/WeightLayout.h"

#include <algorithm>

using namespace qllm;
using namespace qllm::kernels;

namespace {

/// What a thread needs beside its accumulators: fragments, addresses, counters; and beside what
/// `registersOfGroups` counts.
constexpr std::int64_t otherRegisters = 72, otherGroupRegisters = 40;
/// Rows whose shared addresses have the same swizzle.
constexpr std::int64_t swizzlePeriod = 8;

FormatStatus refuse(const std::string &wanted, const std::string &found) {
  return FormatStatus::failure("expected " + wanted + ", but got " + found);
}

std::string number(std::int64_t value) { return std::to_string(value); }

/// Where warps multiply that load for themselves: sums, those of a group, fragments, and what
/// belongs to groups of a tile, which is loaded ahead. An assembler begins products of later groups
/// and steps before it has finished a group's. How much of those it holds are shares that refuse
/// all that spilled of 1842 kernels of two targets, and as few others as any.
std::int64_t registersOfGroups(const LinearKernel &kernel, MmaForm form) {
  std::int64_t rows = kernel.schedule.rowsOfWarp() / 16,
               columns = kernel.schedule.columnsOfWarp() / 8;
  std::int64_t groups = kernel.groupsOfTile(), steps = kernel.groupLength / kernel.stepDepth();
  bool slices = kernel.scaleLog2(form) == 8;
  std::int64_t sums = 4 * rows * columns;
  std::int64_t fragments = (4 * rows + 2 * columns) * (slices ? 2 : 1);
  std::int64_t ofGroup = 2 * columns, ofInputs = 0;
  if (!kernel.weight.isSigned) {
    ofGroup += 2 * columns;
    ofInputs = 4 * rows;
  }
  if (kernel.hasInputGroups)
    ofGroup += 3 * rows + (kernel.input.isSigned ? 0 : 2 * rows + 2 * columns);
  bool endsInside = kernel.depth % kernel.schedule.tileDepth != 0;
  // Products of codes as they are take half as many instructions, of which fewer are begun early.
  std::int64_t early = form == MmaForm::Int4 ? 2 : 3;
  std::int64_t quarters = 8 * sums + early * sums * (groups - 1) + 2 * fragments * steps +
                          groups * (5 * ofGroup + 4 * ofInputs + (endsInside ? 16 : 0));
  return (quarters + 3) / 4;
}

} // namespace

OperandTile LinearKernel::inputTile() const {
  return {schedule.tileRows, schedule.tileDepth * input.storageBits() / 8,
          depth * input.storageBits() / 8};
}

OperandTile LinearKernel::weightTile() const {
  if (!isWeightShuffled())
    return {schedule.tileColumns, schedule.tileDepth * weight.storageBits() / 8,
            depth * weight.storageBits() / 8};
  // A row is a row of tiles of the layout.
  WeightLayout layout = WeightLayout::int4Fragments();
  std::int64_t tileBytes = layout.tileSize() / 2;
  return {schedule.tileColumns / layout.tileRows(),
          schedule.tileDepth / layout.tileColumns() * tileBytes,
          layout.columnTiles(depth) * tileBytes};
}

MmaForm LinearKernel::formOn(const Target &target) const {
  if (isWarpSpecialized())
    return MmaForm::Int8;
  bool fourBit = input.storageBits() == 4 && weight.storageBits() == 4;
  return fourBit && target.isNative(Capability::MmaInt4) ? MmaForm::Int4 : MmaForm::Int8;
}

unsigned LinearKernel::scaleLog2(MmaForm form) const {
  if (form == MmaForm::Int4)
    return 0;
  return (input.storageBits() == 4 ? 4 : 0) +
         (weight.storageBits() == 4 && !subtractsZeroPoints() ? 4 : 0);
}

AccumulatorProof LinearKernel::proveAccumulator(MmaForm form) const {
  SumOfProducts sum;
  sum.left = input.codes();
  sum.right = weightFactors().value_or(weight.codes()); // without any, verify has refused it
  sum.length = groupLength;
  // Zero points of grouped weights are corrected in floats, outside the integer sum.
  sum.leftZero = isGrouped() ? Interval{} : inputZero;
  sum.rightZero = isGrouped() ? Interval{} : weightZero;
  sum.scaleLog2 = scaleLog2(form);
  sum.toFloatInLoop = isGrouped();
  return kernels::proveAccumulator(sum);
}

FormatStatus LinearKernel::verifyFormats() const {
  for (const CodeFormat &format : {input, weight})
    if (format.bits < 3 || format.bits > 8)
      return refuse("codes of 3 to 8 bits", format.str());
  if (weight.storageBits() > input.storageBits())
    return refuse("weights that take no more bits than inputs",
                  weight.str() + " beside " + input.str());
  return {};
}

FormatStatus LinearKernel::verifyRows() const {
  if (columns < 1 || depth < 1)
    return refuse("at least one row and column of the weight",
                  number(columns) + "x" + number(depth));
  constexpr std::int64_t most = std::int64_t{1} << 30;
  if (columns > most || depth > most)
    return refuse("at most 2^30 rows and columns of the weight",
                  number(columns) + "x" + number(depth));
  if (inputTile().pitch % OperandTile::pieceBytes != 0)
    return refuse("rows of a multiple of 16 bytes, which asynchronous copies need",
                  number(depth) + " codes of " + number(input.storageBits()) + " bits");
  if (!isGrouped())
    return verifyScales(1);
  if (groupLength < 1 || depth % groupLength != 0)
    return refuse("groups that divide " + number(depth), "groups of " + number(groupLength));
  if (groupLength % stepDepth() != 0 || schedule.tileDepth % groupLength != 0)
    return refuse("groups that are a multiple of " + number(stepDepth()) +
                      " and divide the tile depth of " + number(schedule.tileDepth),
                  "groups of " + number(groupLength));
  return verifyScales(groups());
}

/// Offsets of scales are computed in 32 bits.
FormatStatus LinearKernel::verifyScales(std::int64_t rowsOfScales) const {
  constexpr std::int64_t most = (std::int64_t{1} << 29) - 1;
  if (columns <= most / rowsOfScales)
    return {};
  return refuse("at most " + number(most) + " scales of weights",
                number(rowsOfScales) + "x" + number(columns));
}

FormatStatus Schedule::verify() const {
  constexpr std::int64_t most = 1 << 16;
  for (std::int64_t value : {tileRows, tileColumns, tileDepth, warpRows, warpColumns, stages})
    if (value < 1 || value > most)
      return refuse("sizes of 1 to " + number(most), number(value));
  return {};
}

FormatStatus Schedule::verifyColumns(std::int64_t columns) const {
  std::int64_t tiles = columnTiles(columns);
  if (isStreamed() || tiles <= maxColumnsOfGrid)
    return {};
  return refuse("at most " + number(maxColumnsOfGrid) +
                    " tiles of columns, the most that a grid has",
                number(tiles) + " of " + number(tileColumns));
}

FormatStatus LinearKernel::verifySchedule() const {
  const Schedule &s = schedule;
  if (s.tileRows % (16 * s.warpRows) != 0 || s.tileColumns % (16 * s.warpColumns) != 0)
    return refuse("tiles of warps that are multiples of 16x16",
                  number(s.tileRows) + "x" + number(s.tileColumns) + " on " + number(s.warpRows) +
                      "x" + number(s.warpColumns) + " warps");
  if (std::int64_t bytes = inputTile().rowBytes; bytes != 64 && bytes != 128)
    return refuse("a tile depth of 64 or 128 bytes of input", number(bytes) + " bytes");
  if (s.stages < 2 || s.stages > 8)
    return refuse("2 to 8 stages", number(s.stages));
  if (s.threads() > maxThreads)
    return refuse("at most " + number(maxThreads / 32) + " warps", number(s.warps()));
  std::int64_t registers = s.rowsOfWarp() * s.columnsOfWarp() / 32 + otherRegisters;
  if (std::int64_t most = registersOfThread(s.threads()); registers > most)
    return refuse("tiles of warps that take at most " + number(most) + " registers of each of " +
                      number(s.threads()) + " threads",
                  "about " + number(registers) + " for " + number(s.rowsOfWarp()) + "x" +
                      number(s.columnsOfWarp()));
  if (sharedBytes() > largestSharedBytes())
    return refuse("at most " + number(largestSharedBytes()) +
                      " bytes of shared memory, which no target exceeds",
                  number(sharedBytes()) + " for " + number(s.stages) + " stages");
  return {};
}

FormatStatus LinearKernel::verifyCopies() const {
  // All threads together copy whole rows, so that each stays in its column; and of swizzled rows
  // whole periods.
  std::int64_t threads = inputTile().piecesPerRow() * swizzlePeriod;
  if (isWeightShuffled())
    threads = std::max(threads, weightTile().piecesPerRow());
  if (schedule.threads() % threads == 0)
    return {};
  return refuse("a multiple of " + number(threads / 32) + " warps for rows of " +
                    number(inputTile().rowBytes) + " bytes",
                number(schedule.warps()));
}

FormatStatus LinearKernel::verifyRank() const {
  // Steps of a tensor instruction; and sums of products of eight bits that are exact in f32.
  if (rank % 32 == 0 && rank <= 1024)
    return {};
  return refuse("a rank that is a multiple of 32 and at most 1024", number(rank));
}

FormatStatus LinearKernel::verifyOperands() const {
  if (FormatStatus status = schedule.verify(); !status)
    return status;
  using Check = FormatStatus (LinearKernel::*)() const;
  for (Check check : {Check(&LinearKernel::verifyFormats), Check(&LinearKernel::verifyRows),
                      Check(&LinearKernel::verifyRank)})
    if (FormatStatus status = (this->*check)(); !status)
      return status;
  return {};
}

FormatStatus LinearKernel::verifyTiles() const {
  if (FormatStatus status = verifyUnshared(schedule); !status)
    return status;
  if (FormatStatus status = verifyOperands(); !status)
    return status;
  if (FormatStatus status = schedule.verifyColumns(columns); !status)
    return status;
  if (isWarpSpecialized())
    return verifyWarpgroups();
  if (FormatStatus status = verifyAlone(schedule); !status)
    return status;
  if (FormatStatus status = verifySchedule(); !status)
    return status;
  return verifyCopies();
}

FormatStatus LinearKernel::verify() const {
  if (FormatStatus status = verifyTiles(); !status)
    return status;
  MmaForm form = scaleLog2(MmaForm::Int8) == 8 ? MmaForm::Int4 : MmaForm::Int8;
  AccumulatorProof proof = proveAccumulator(form);
  return proof.accumulator ? FormatStatus() : FormatStatus::failure(proof.explanation);
}

FormatStatus Schedule::verifyShared(const Target &target, std::int64_t bytes) const {
  if (bytes <= target.sharedBytes())
    return {};
  return refuse("at most " + number(target.sharedBytes()) + " bytes of shared memory on " +
                    std::string(target.name),
                number(bytes) + " for " + number(stages) + " stages");
}

FormatStatus LinearKernel::verifyOn(const Target &target) const {
  for (Capability needed :
       {Capability::WarpgroupMma, Capability::TensorCopy, Capability::RegisterRebalance})
    if (isWarpSpecialized() && !target.isNative(needed))
      return refuse("no producers on " + std::string(target.name) + ", which has no " +
                        std::string(describe(needed).name),
                    number(schedule.producers));
  if (FormatStatus status = schedule.verifyShared(target, sharedBytes()); !status)
    return status;
  std::int64_t registers =
      isGrouped() && !isWarpSpecialized() ? registersOfGroups(*this, formOn(target)) : 0;
  if (std::int64_t most = registersOfThread(schedule.threads()) - otherGroupRegisters;
      registers > most)
    return refuse("tiles of warps whose sums, fragments and groups take at most " + number(most) +
                      " registers of each of " + number(schedule.threads()) + " threads on " +
                      std::string(target.name),
                  "about " + number(registers) + " for " + number(schedule.rowsOfWarp()) + "x" +
                      number(schedule.columnsOfWarp()) + " and " + number(groupsOfTile()) +
                      " groups in a tile");
  AccumulatorProof proof = proveAccumulator(formOn(target));
  return proof.accumulator
             ? FormatStatus()
             : FormatStatus::failure(proof.explanation + " on " + std::string(target.name));
}
