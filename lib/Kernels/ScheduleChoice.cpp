// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates and their costs. A multiprocessor has four schedulers that issue one instruction per
// cycle each.

#include "qllm/Kernels/ScheduleChoice.h"

#include <algorithm>
#include <tuple>

using namespace qllm;
using namespace qllm::kernels;

namespace {

/// Rows and columns of tiles, and the warps that share them. Larger ones read less, smaller ones
/// waste less at edges and keep more multiprocessors busy.
struct TileShape {
  std::int64_t rows, columns, warpRows, warpColumns;
};
constexpr TileShape tileShapes[] = {{16, 64, 1, 4},  {16, 128, 1, 4},  {32, 64, 1, 2},
                                    {32, 128, 1, 4}, {64, 64, 2, 2},   {64, 128, 2, 4},
                                    {128, 64, 4, 2}, {128, 128, 2, 4}, {128, 256, 2, 4}};
constexpr std::int64_t depthBytes[] = {128, 64};
constexpr std::int64_t stageCounts[] = {4, 3, 2};

/// What the model knows of a target.
struct Machine {
  std::string_view target;
  std::int64_t multiprocessors; ///< of the largest product
  double tensorCycles;          ///< a scheduler's tensor core is held by m16n8k32 of bytes
  double bytesPerCycle;         ///< from global memory, of one multiprocessor's share
};
constexpr Machine machines[] = {{"sm_80", 108, 8, 10},   {"sm_86", 84, 16, 6},
                                {"sm_89", 142, 16, 4},   {"sm_90a", 132, 4, 20},
                                {"sm_100a", 148, 8, 28}, {"sm_120a", 170, 16, 5}};
/// Cycles until the first tile is there, and per block at its end.
constexpr double latency = 800, epiloguePerElement = 0.15;

const Machine &machineOf(const Target &target) {
  for (const Machine &machine : machines)
    if (machine.target == target.name)
      return machine;
  return machines[0];
}

/// Cycles of a block on a multiprocessor of its own.
double cyclesOfBlock(const LinearKernel &kernel, const Machine &machine, bool nativeInt4) {
  const Schedule &s = kernel.schedule;
  double rowBlocks = double(s.rowsOfWarp()) / 16, columnBlocks = double(s.columnsOfWarp()) / 8;
  double steps =
      double(kernel.tiles()) * double(kernel.inputTile().rowBytes) / LinearKernel::stepBytes;
  bool bothSmall = kernel.input.storageBits() == 4 && kernel.weight.storageBits() == 4;
  bool unpacks = kernel.isWeightShuffled() || (bothSmall && !nativeInt4);
  // A step of 4-bit codes has twice the depth: two products of bytes, or one of the native form.
  double products = rowBlocks * columnBlocks * (bothSmall && !nativeInt4 ? 2 : 1);
  double slots = products + rowBlocks + columnBlocks / 2 + (unpacks ? columnBlocks * 1.5 : 0) + 4;
  if (kernel.isGrouped())
    slots += products * 4;
  double warpsPerScheduler = std::max(1.0, double(s.warps()) / 4);
  double busy = std::max(slots, products * machine.tensorCycles) * warpsPerScheduler * steps;
  double loads = double(kernel.tiles() * kernel.stageBytes()) / machine.bytesPerCycle;
  return latency + std::max(busy, loads) + epiloguePerElement * double(s.tileRows * s.tileColumns);
}

std::int64_t divideUp(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

} // namespace

std::string ScheduleCost::str() const {
  auto number = [](std::int64_t value) { return std::to_string(value); };
  return number(schedule.tileRows) + "x" + number(schedule.tileColumns) + "x" +
         number(schedule.tileDepth) + " on " + number(schedule.warpRows) + "x" +
         number(schedule.warpColumns) + " warps, " + number(schedule.stages) +
         " stages: " + number(blocks) + " blocks, " + number(std::int64_t(cycles)) + " cycles";
}

ScheduleChoice kernels::chooseSchedule(LinearKernel kernel, const Target &target,
                                       std::int64_t rows) {
  ScheduleChoice choice;
  const Machine &machine = machineOf(target);
  bool nativeInt4 = target.isNative(Capability::MmaInt4);
  auto fits = [&] {
    FormatStatus status = kernel.verify();
    if (status)
      status = kernel.verifyOn(target);
    if (!status && choice.refusal.empty())
      choice.refusal = status.message();
    return bool(status);
  };
  for (const TileShape &shape : tileShapes)
    for (std::int64_t bytes : depthBytes)
      for (std::int64_t stages : stageCounts) {
        Schedule &s = kernel.schedule;
        s.tileRows = shape.rows;
        s.tileColumns = shape.columns;
        s.tileDepth = bytes * 8 / kernel.input.storageBits();
        s.warpRows = shape.warpRows;
        s.warpColumns = shape.warpColumns;
        s.stages = stages;
        if (!fits())
          continue;
        ScheduleCost cost;
        cost.schedule = s;
        cost.blocks = divideUp(rows, s.tileRows) * divideUp(kernel.columns, s.tileColumns);
        cost.cycles = double(divideUp(cost.blocks, machine.multiprocessors)) *
                      cyclesOfBlock(kernel, machine, nativeInt4);
        choice.candidates.push_back(cost);
        break; // more stages first; fewer only where they do not fit
      }
  std::sort(
      choice.candidates.begin(), choice.candidates.end(),
      [](const ScheduleCost &a, const ScheduleCost &b) {
        return std::make_tuple(a.cycles, a.blocks, a.schedule.tileRows, -a.schedule.tileDepth) <
               std::make_tuple(b.cycles, b.blocks, b.schedule.tileRows, -b.schedule.tileDepth);
      });
  if (!choice.candidates.empty())
    choice.refusal.clear();
  return choice;
}
