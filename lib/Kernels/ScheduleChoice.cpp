// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Candidates and their costs. A multiprocessor has four schedulers that issue one instruction per
// cycle each.

#include "qllm/Kernels/ScheduleChoice.h"

#include "Machine.h"
#include "qllm/Kernels/TensorMemory.h"

#include <algorithm>
#include <initializer_list>
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
constexpr std::int64_t stageCounts[] = {4, 3, 2};

/// The same for warpgroups: the side that warps share, 16 each, and the one that each has all of.
constexpr std::int64_t warpgroupSides[] = {64, 128},
                       wholeSides[] = {8, 16, 32, 64, 96, 128, 160, 192, 256};
constexpr std::int64_t warpgroupStages[] = {8, 6, 4, 3, 2};
constexpr std::int64_t clusterSizes[] = {1, 2};

/// The latency of producers, which have barriers to set up and tensor maps to fetch, and cycles of
/// a block at its end.
constexpr double producerLatency = 1000, epiloguePerElement = 0.15;
/// Cycles in which a block stores a part and counts its arrival, and in which it loads parts that
/// are on their way together. And the rows up to which tiles are so few that stream-K is tried.
constexpr double arrivalLatency = 1000, partLatency = 600;
constexpr std::int64_t mostStreamedRows = 64;
/// Cycles in which the blocks of a cluster meet, at the beginning and at the end.
constexpr double clusterLatency = 500;
/// Issue slots of a warp that multiplies a tile of 128 bytes of depth by warpgroup instructions,
/// and of one that unpacks its left operand.
constexpr double warpgroupSlots = 64, unpackingSlots = 75;
/// Cycles of a product of 4-bit floats in tensor memory, 128 rows by 64, for each of its columns:
/// 9.2 peta-operations a second of 148 multiprocessors at 1.9 GHz.
constexpr double scaledCyclesPerColumn = 0.5;

/// Issue slots of a step in which a lane adds groups to that many of its sums: a conversion and an
/// addition for each group, and one more for each thing that is multiplied in.
double slotsOfGroups(const LinearKernel &kernel, double sums) {
  if (!kernel.isGrouped())
    return 0;
  int more = int(kernel.hasInputGroups) + int(kernel.hasInputGroups && !kernel.input.isSigned) +
             int(!kernel.weight.isSigned);
  return sums * (2 + more) * double(kernel.stepDepth()) / double(kernel.groupLength);
}

/// Tiles of the whole product along both sides.
struct Grid {
  std::int64_t rows, columns;
  std::int64_t rowsOfTile; ///< that are there, in the fullest
};

/// Cycles in which a stage arrives. A tile of an operand is read by all blocks of its row or column
/// of the grid: by one from memory, by the others from the cache. Those of a cluster, which share
/// columns or rows, read it once.
double cyclesOfLoads(const OperandTile &input, const OperandTile &weight, const Grid &grid,
                     const Machine &machine, std::int64_t rowCluster = 1,
                     std::int64_t columnCluster = 1) {
  auto cycles = [&](const OperandTile &tile, std::int64_t readers, std::int64_t cluster) {
    double first = 1 / double(readers), rest = std::max(0.0, 1 / double(cluster) - first);
    return double(tile.bytes()) *
           (first / machine.bytesPerCycle + rest / machine.cacheBytesPerCycle);
  };
  return cycles(input, grid.columns, columnCluster) + cycles(weight, grid.rows, rowCluster);
}

/// Cycles of a block on a multiprocessor of its own.
double cyclesOfBlock(const LinearKernel &kernel, const Grid &grid, const Machine &machine,
                     bool nativeInt4) {
  const Schedule &s = kernel.schedule;
  // Rows of a tile that are not there are filled with zeros, which nobody loads.
  OperandTile input = kernel.inputTile();
  input.rows = grid.rowsOfTile;
  double loads =
      double(kernel.tiles()) * cyclesOfLoads(input, kernel.weightTile(), grid, machine,
                                             kernel.rowCluster(), kernel.columnCluster());
  double epilogue = epiloguePerElement * double(s.tileRows * s.tileColumns);
  double warpsPerScheduler = std::max(1.0, double(s.warps()) / 4);
  double steps =
      double(kernel.tiles()) * double(kernel.inputTile().rowBytes) / LinearKernel::stepBytes;
  if (kernel.isWarpSpecialized()) {
    double products = double(kernel.wholeSide()) / 8;
    double slots = (kernel.isWeightShuffled() ? unpackingSlots : warpgroupSlots) / 4 +
                   slotsOfGroups(kernel, double(kernel.wholeSide()) / 2);
    double busy = std::max(slots, products * machine.warpgroupCycles) * warpsPerScheduler * steps;
    double meeting = s.cluster == 1 ? 0 : clusterLatency;
    return producerLatency + meeting + std::max(busy, loads) + epilogue;
  }
  double rowBlocks = double(s.rowsOfWarp()) / 16, columnBlocks = double(s.columnsOfWarp()) / 8;
  bool bothSmall = kernel.input.storageBits() == 4 && kernel.weight.storageBits() == 4;
  bool unpacks = kernel.isWeightShuffled() || (bothSmall && !nativeInt4);
  // A step of 4-bit codes has twice the depth: two products of bytes, or one of the native form.
  double products = rowBlocks * columnBlocks * (bothSmall && !nativeInt4 ? 2 : 1);
  double slots = products + rowBlocks + columnBlocks / 2 + (unpacks ? columnBlocks * 1.5 : 0) + 4;
  slots += slotsOfGroups(kernel, rowBlocks * columnBlocks * 4);
  // Beside zero points of groups, inputs are summed by products with ones.
  if (kernel.isGrouped() && !kernel.weight.isSigned) {
    slots += products / columnBlocks;
    products += products / columnBlocks;
  }
  double busy = std::max(slots, products * machine.tensorCycles) * warpsPerScheduler * steps;
  return latency + std::max(busy, loads) + epilogue;
}

} // namespace

const ScheduleCost *ScheduleChoice::best(bool streamed) const {
  for (const ScheduleCost &candidate : candidates)
    if (candidate.schedule.isStreamed() == streamed)
      return &candidate;
  return nullptr;
}

std::string ScheduleCost::str() const {
  auto number = [](std::int64_t value) { return std::to_string(value); };
  return number(schedule.tileRows) + "x" + number(schedule.tileColumns) + "x" +
         number(schedule.tileDepth) + " on " + number(schedule.warpRows) + "x" +
         number(schedule.warpColumns) + " warps, " + number(schedule.stages) + " stages" +
         (schedule.producers != 0
              ? ", a producer" +
                    (schedule.cluster == 1 ? "" : " in clusters of " + number(schedule.cluster))
          : schedule.isStreamed() ? ", stream_k"
                                  : "") +
         ": " + number(blocks) + " blocks, " + number(std::int64_t(cycles)) + " cycles";
}

namespace {

std::int64_t rowClusterOf(const LinearKernel &kernel) { return kernel.rowCluster(); }
template <typename Kernel> std::int64_t rowClusterOf(const Kernel &) { return 1; }

/// Fills in the candidates that work. `kernel.verify()` and `verifyOn` look at `schedule`, which is
/// part of it; `cyclesOfBlock` is asked of those that do.
template <typename Kernel, typename Cycles> class Chooser {
public:
  Chooser(Kernel &kernel, Schedule &schedule, const Target &target, std::int64_t rows,
          std::int64_t columns, Cycles cyclesOfBlock)
      : kernel(kernel), schedule(schedule), target(target), rows(rows), columns(columns),
        cyclesOfBlock(cyclesOfBlock) {}

  /// Whether the schedule works.
  bool tryCandidate(const Schedule &candidate) {
    schedule = candidate;
    FormatStatus status = kernel.verify();
    if (status)
      status = kernel.verifyOn(target);
    if (!status) {
      std::string &refusal = candidate.producers != 0 ? choice.producerRefusal : choice.refusal;
      if (refusal.empty())
        refusal = status.message();
      return false;
    }
    ScheduleCost cost;
    cost.schedule = schedule;
    Grid grid{divideUp(rows, schedule.tileRows), schedule.columnTiles(columns),
              std::min(rows, schedule.tileRows)};
    cost.multiprocessors = machineOf(target).multiprocessors;
    std::int64_t cluster = rowClusterOf(kernel);
    cost.blocks = divideUp(grid.rows, cluster) * cluster *
                  (schedule.isStreamed() ? schedule.blocks : grid.columns);
    // Blocks of stream-K all run at once, and their cost is of those of one multiprocessor.
    std::int64_t waves = schedule.isStreamed() ? 1 : divideUp(cost.blocks, cost.multiprocessors);
    cost.cycles = double(waves) * cyclesOfBlock(kernel, grid);
    choice.candidates.push_back(cost);
    return true;
  }

  /// The same candidate by stream-K: with as many blocks as run at once, and with the largest
  /// number below that gives every tile as many blocks.
  void tryStreams(Schedule candidate, std::int64_t blocksAtOnce) {
    if (rows > mostStreamedRows)
      return;
    std::int64_t tiles = divideUp(columns, candidate.tileColumns);
    std::int64_t processors =
        machineOf(target).multiprocessors * blocksAtOnce / divideUp(rows, candidate.tileRows);
    candidate.blocks = processors;
    tryCandidate(candidate);
    candidate.blocks = processors / tiles * tiles;
    if (candidate.blocks != 0 && candidate.blocks != processors)
      tryCandidate(candidate);
  }

  /// Tiles on a ring whose rows have one of these numbers of elements. More stages are taken first;
  /// fewer only where they do not fit.
  template <typename Try> void tryRings(std::initializer_list<std::int64_t> depths, Try tryOne) {
    for (const TileShape &shape : tileShapes)
      for (std::int64_t depth : depths)
        for (std::int64_t stages : stageCounts) {
          Schedule s;
          s.tileRows = shape.rows;
          s.tileColumns = shape.columns;
          s.tileDepth = depth;
          s.warpRows = shape.warpRows;
          s.warpColumns = shape.warpColumns;
          s.stages = stages;
          if (tryOne(s))
            break;
        }
  }
  void tryRings(std::initializer_list<std::int64_t> depths) {
    tryRings(depths, [&](const Schedule &s) { return tryCandidate(s); });
  }

  /// Tiles that a producer loads and one or two warpgroups multiply, of either side. For few rows
  /// no clusters: memory is what such a product waits for.
  void tryWarpgroups(bool transposed) {
    for (std::int64_t shared : warpgroupSides)
      for (std::int64_t whole : wholeSides)
        for (std::int64_t cluster : clusterSizes) {
          if (cluster != 1 && rows <= mostStreamedRows)
            continue;
          Schedule s;
          s.tileRows = transposed ? whole : shared;
          s.tileColumns = transposed ? shared : whole;
          s.tileDepth = 128;
          s.warpRows = transposed ? 1 : shared / 16;
          s.warpColumns = transposed ? shared / 16 : 1;
          s.producers = 1;
          s.cluster = cluster;
          for (std::int64_t stages : warpgroupStages) {
            s.stages = stages;
            if (tryCandidate(s))
              break;
          }
        }
  }

  ScheduleChoice finish() {
    auto key = [](const ScheduleCost &cost) {
      return std::make_tuple(cost.cycles, cost.blocks, cost.schedule.cluster,
                             cost.schedule.tileRows, -cost.schedule.tileDepth);
    };
    std::sort(choice.candidates.begin(), choice.candidates.end(),
              [&](const ScheduleCost &a, const ScheduleCost &b) { return key(a) < key(b); });
    if (!choice.candidates.empty())
      choice.refusal.clear();
    else if (choice.refusal.empty())
      choice.refusal = choice.producerRefusal; // nothing else was tried
    return std::move(choice);
  }

private:
  Kernel &kernel;
  Schedule &schedule;
  const Target &target;
  std::int64_t rows, columns;
  Cycles cyclesOfBlock;
  ScheduleChoice choice;
};

/// Cycles of a step of a weight-only kernel. Tensor instructions on halves take what those on bytes
/// do for half of the depth; codes become halves by two instructions a pair.
double cyclesOfStep(const WeightOnlyKernel &kernel, const Grid &grid, const Machine &machine) {
  const Schedule &s = kernel.schedule;
  double steps = double(kernel.depthOfWarp()) / WeightOnlyKernel::stepDepth;
  double rowBlocks = kernel.isDirect() ? 1 : double(s.rowsOfWarp()) / 16;
  double columnBlocks = double(s.columnsOfWarp()) / (kernel.isDirect() ? 16 : 8);
  double products = rowBlocks * columnBlocks;
  double unpacks = columnBlocks * (kernel.isDirect() ? 6 : 3);
  double slots = products + rowBlocks + unpacks + 2;
  if (kernel.isGrouped())
    slots += products * 4 * WeightOnlyKernel::stepDepth / double(kernel.runLength());
  double warpsPerScheduler = std::max(1.0, double(s.warps()) / 4);
  double busy = std::max(slots, products * machine.tensorCycles) * warpsPerScheduler * steps;
  return std::max(busy, cyclesOfLoads(kernel.inputTile(), kernel.weightTile(), grid, machine));
}

/// Cycles of a low-rank branch behind the sums of a tile: a load and six instructions make the
/// fragment of a weight. In the direct form the warps of one part of the depth multiply.
double cyclesOfBranch(const WeightOnlyKernel &kernel, const Machine &machine) {
  const Schedule &s = kernel.schedule;
  double steps = double(kernel.rank) / WeightOnlyKernel::stepDepth;
  double rowBlocks = kernel.isDirect() ? 1 : double(s.rowsOfWarp()) / 16;
  double products = rowBlocks * double(s.columnsOfWarp()) / (kernel.isDirect() ? 16 : 8);
  double slots = products * (kernel.isDirect() ? 15 : 8) + rowBlocks * 2;
  double warps = double(kernel.isDirect() ? s.warpColumns : s.warps());
  return std::max(slots, products * machine.tensorCycles) * std::max(1.0, warps / 4) * steps;
}

/// Blocks of a multiprocessor whose warps hide each other's latencies; it takes more warps where
/// each loads its own weights, with no ring.
std::int64_t blocksAtOnce(const Schedule &schedule) {
  std::int64_t warps = schedule.tileRows == 8 ? 16 : 8;
  return std::max<std::int64_t>(1, warps / schedule.warps());
}

/// Cycles of a block of a weight-only kernel; by stream-K, of all blocks of a multiprocessor. Their
/// latencies overlap, their steps do not.
double cyclesOfHalves(const WeightOnlyKernel &kernel, const Grid &grid, const Machine &machine) {
  const Schedule &s = kernel.schedule;
  double step = cyclesOfStep(kernel, grid, machine);
  double epilogue =
      epiloguePerElement * double(s.tileRows * s.tileColumns) + cyclesOfBranch(kernel, machine);
  if (!s.isStreamed())
    return latency + double(kernel.tiles()) * step + epilogue;
  StreamK stream = kernel.stream();
  std::int64_t steps = divideUp(stream.tiles * stream.steps, s.blocks);
  std::int64_t parts = stream.crossesTiles() ? divideUp(steps, stream.steps) + 1 : 1;
  double atOnce = double(divideUp(s.blocks * grid.rows, machine.multiprocessors));
  std::int64_t sums = divideUp(s.tileRows * s.tileColumns, s.threads());
  std::int64_t others = stream.mostBlocksOfTile();
  double addition = partLatency * double(divideUp(others, stream.partsAtOnce(sums))) +
                    double(others * s.tileRows * s.tileColumns * 4) / machine.cacheBytesPerCycle;
  return atOnce * double(steps) * step + double(parts) * (latency + epilogue) + arrivalLatency +
         addition;
}

} // namespace

ScheduleChoice kernels::chooseSchedule(LinearKernel kernel, const Target &target,
                                       std::int64_t rows) {
  const Machine &machine = machineOf(target);
  bool nativeInt4 = target.isNative(Capability::MmaInt4);
  Chooser chooser(kernel, kernel.schedule, target, rows, kernel.columns,
                  [&](const LinearKernel &k, const Grid &grid) {
                    return cyclesOfBlock(k, grid, machine, nativeInt4);
                  });
  std::int64_t perByte = 8 / kernel.input.storageBits();
  chooser.tryRings({128 * perByte, 64 * perByte});
  if (target.isNative(Capability::WarpgroupMma)) {
    if (!kernel.isWeightShuffled())
      chooser.tryWarpgroups(/*transposed=*/false);
    chooser.tryWarpgroups(/*transposed=*/true);
  }
  return chooser.finish();
}

ScheduleChoice kernels::chooseSchedule(WeightOnlyKernel kernel, const Target &target,
                                       std::int64_t rows) {
  const Machine &machine = machineOf(target);
  Chooser chooser(kernel, kernel.schedule, target, rows, kernel.columns,
                  [&](const WeightOnlyKernel &k, const Grid &grid) {
                    return cyclesOfHalves(k, grid, machine);
                  });
  auto tryBoth = [&](const Schedule &s) {
    if (!chooser.tryCandidate(s))
      return false;
    chooser.tryStreams(s, blocksAtOnce(s));
    return true;
  };
  if (rows <= 8)
    for (std::int64_t columns : {32, 16})
      for (std::int64_t warps : {8, 4, 2, 1}) {
        Schedule s;
        s.tileRows = 8;
        s.tileColumns = columns;
        s.tileDepth = warps * 128;
        s.warpRows = warps;
        s.warpColumns = 1;
        s.stages = 1;
        tryBoth(s);
      }
  chooser.tryRings({128, 64}, tryBoth);
  return chooser.finish();
}

/// Sums in tensor memory: one thread multiplies, so only products and loads count. Where two blocks
/// fit, one multiplies while the other waits for its first tile or finishes its sums.
static ScheduleChoice chooseInTensorMemory(BlockScaledKernel kernel, const Target &target,
                                           std::int64_t rows) {
  const Machine &machine = machineOf(target);
  auto cycles = [&](const BlockScaledKernel &k, const Grid &) {
    const Schedule &s = k.codes.schedule;
    double steps = double(k.codes.tiles() * s.tileDepth) / ScaledInstruction::depth;
    double products = steps * double(s.tileColumns) * scaledCyclesPerColumn;
    double loads = double(k.codes.tiles() * k.stageBytes()) / machine.bytesPerCycle;
    bool twice = 2 * k.sharedBytes() <= target.sharedBytes() &&
                 2 * k.tensorColumns() <= TensorMemory::columns;
    double rest = latency + epiloguePerElement * double(s.tileRows * s.tileColumns);
    return std::max(products, loads) + (twice ? rest / 2 : rest);
  };
  Chooser chooser(kernel, kernel.codes.schedule, target, rows, kernel.codes.columns, cycles);
  for (std::int64_t columns : {128, 256})
    for (std::int64_t stages : {6, 5, 4, 3}) {
      Schedule s = {ScaledInstruction::rows, columns, 256, TensorMemory::lanes / 32, 1, stages};
      s.producers = 1;
      chooser.tryCandidate(s);
    }
  return chooser.finish();
}

ScheduleChoice kernels::chooseSchedule(BlockScaledKernel kernel, const Target &target,
                                       std::int64_t rows) {
  if (target.isNative(Capability::TensorMemoryMma))
    return chooseInTensorMemory(std::move(kernel), target, rows);
  const Machine &machine = machineOf(target);
  Chooser chooser(kernel, kernel.codes.schedule, target, rows, kernel.codes.columns,
                  [&](const BlockScaledKernel &k, const Grid &grid) {
                    return cyclesOfBlock(k.codes, grid, machine, /*nativeInt4=*/true);
                  });
  chooser.tryRings({256, 128});
  return chooser.finish();
}
