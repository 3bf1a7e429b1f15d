// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel for an integer linear layer, described once: what verifiers refuse, what the emitter
// emits and what a launch needs all come from here. No MLIR inside.

#ifndef QLLM_KERNELS_LINEARKERNEL_H
#define QLLM_KERNELS_LINEARKERNEL_H

#include "qllm/Format/FormatStatus.h"
#include "qllm/Kernels/RangeProof.h"
#include "qllm/Kernels/Target.h"

#include <cstdint>
#include <vector>

namespace qllm::kernels {

/// How the work is spread: tile sizes of a block in elements, and the grid of warps that share a
/// tile.
struct Schedule {
  std::int64_t tileRows = 0, tileColumns = 0, tileDepth = 0;
  std::int64_t warpRows = 0, warpColumns = 0;
  std::int64_t stages = 0;    ///< tiles of operands that are in shared memory at a time
  std::int64_t blocks = 0;    ///< that share a row of tiles by stream-K; 0: each has one tile
  std::int64_t producers = 0; ///< warpgroups that serve the warps; most only load
  std::int64_t cluster = 1;   ///< blocks that share what they load

  /// Whether all sizes are positive and small enough to compute with.
  FormatStatus verify() const;
  /// Whether a grid has room for a block for each tile of columns.
  FormatStatus verifyColumns(std::int64_t columns) const;
  /// Whether the target's blocks have so many bytes of shared memory.
  FormatStatus verifyShared(const Target &target, std::int64_t bytes) const;

  bool isStreamed() const { return blocks != 0; }
  /// Tiles of the columns of a product.
  std::int64_t columnTiles(std::int64_t columns) const {
    return (columns + tileColumns - 1) / tileColumns;
  }
  std::int64_t warps() const { return warpRows * warpColumns; }
  std::int64_t threads() const { return 32 * warps() + 128 * producers; }
  /// The part of a tile that one warp computes.
  std::int64_t rowsOfWarp() const { return tileRows / warpRows; }
  std::int64_t columnsOfWarp() const { return tileColumns / warpColumns; }
};

/// Codes in memory: 3 and 4 bits lie two to a byte, 5 to 8 bits one to a byte.
struct CodeFormat {
  unsigned bits = 0;
  bool isSigned = true;

  unsigned storageBits() const { return bits <= 4 ? 4 : 8; }
  Interval codes() const { return codeInterval(bits, isSigned); }
  std::string str() const { return (isSigned ? "int" : "uint") + std::to_string(bits); }
};

/// One operand's part of a stage: rows of 16-byte pieces, as they lie in memory and in shared
/// memory.
struct OperandTile {
  std::int64_t rows;     ///< rows of a tile
  std::int64_t rowBytes; ///< bytes of a row that belong to a tile
  std::int64_t pitch;    ///< bytes from row to row in memory

  static constexpr std::int64_t pieceBytes = 16;
  std::int64_t piecesPerRow() const { return rowBytes / pieceBytes; }
  std::int64_t bytes() const { return rows * rowBytes; }
};

/// What one tensor copy brings of an operand: rows of bytes, whose 16-byte pieces are permuted over
/// `swizzle` bytes in shared memory.
struct TensorBox {
  unsigned operand; ///< 0 for the input, 1 for the weight
  std::int64_t rows, rowBytes, swizzle;
};

/// The tensor instruction in the inner loop.
enum class MmaForm : std::uint8_t {
  Int4, ///< m16n8k64 on 4-bit codes as they are
  Int8, ///< m16n8k32; 4-bit codes become bytes that hold 16 times the code
};

/// y[m, n] = sum over k of x[m, k] w[n, k], with scales around it, for any number of rows m.
struct LinearKernel {
  CodeFormat input, weight;
  Interval inputZero, weightZero; ///< zero points; [0, 0] for none
  std::int64_t columns = 0;       ///< n
  std::int64_t depth = 0;         ///< k
  std::int64_t groupLength = 0;   ///< elements of k with a common weight scale; `depth` for all
  /// Whether the groups of k have input scales too, one for each row.
  bool hasInputGroups = false;
  /// Columns of the inputs of a low-rank branch, whose product is added to the result; 0 for none.
  std::int64_t rank = 0;
  Schedule schedule;

  /// Elements and bytes of an input row that one step of the inner loop reads.
  static constexpr std::int64_t stepBytes = 32;
  std::int64_t stepDepth() const { return stepBytes * 8 / input.storageBits(); }

  bool isGrouped() const { return groupLength != depth; }
  /// 4-bit weights beside 8-bit inputs are stored in the order of their fragments.
  bool isWeightShuffled() const { return input.storageBits() == 8 && weight.storageBits() == 4; }
  std::int64_t groups() const { return depth / groupLength; }
  std::int64_t tiles() const { return (depth + schedule.tileDepth - 1) / schedule.tileDepth; }
  OperandTile inputTile() const;
  OperandTile weightTile() const;
  std::int64_t stageBytes() const { return inputTile().bytes() + weightTile().bytes(); }
  std::int64_t ringBytes() const { return schedule.stages * stageBytes(); }
  /// With producers, two barriers of 8 bytes for each stage lie behind the ring, and behind these
  /// what belongs to rows of each stage.
  std::int64_t barrierBytes() const { return isWarpSpecialized() ? 16 * schedule.stages : 0; }
  std::int64_t sharedBytes() const {
    return ringBytes() + barrierBytes() + schedule.stages * rowValueBytes();
  }
  std::int64_t groupsOfTile() const { return schedule.tileDepth / groupLength; }
  /// What producers bring of each row of a stage, as f32 and in this order: scales of the tile's
  /// groups of inputs, and zero points of these groups, or of the row where weights have lost
  /// theirs.
  std::int64_t rowScales() const {
    return isWarpSpecialized() && hasInputGroups ? groupsOfTile() : 0;
  }
  std::int64_t rowZeroPoints() const {
    return input.isSigned ? 0 : hasInputGroups ? rowScales() : std::int64_t(subtractsZeroPoints());
  }
  std::int64_t rowValueBytes() const {
    return (rowScales() + rowZeroPoints()) * schedule.tileRows * 4;
  }

  /// Producers load by tensor copies, and warpgroups multiply.
  bool isWarpSpecialized() const { return schedule.producers != 0; }
  /// The left operand of warpgroups has 64 rows at least, and is the only one that may come from
  /// registers. Where the weights are that one, the product is computed transposed: narrow weights
  /// have to be, and any are where warps share columns.
  bool isTransposed() const {
    return isWarpSpecialized() && (isWeightShuffled() || schedule.warpColumns != 1);
  }
  /// The side of the tile that warps share, 16 each, and the one that each has all of.
  std::int64_t sharedSide() const {
    return isTransposed() ? schedule.tileColumns : schedule.tileRows;
  }
  std::int64_t wholeSide() const {
    return isTransposed() ? schedule.tileRows : schedule.tileColumns;
  }
  /// The operand whose tile the blocks of a cluster share, the larger one: 0 for the input, for
  /// blocks of neighbouring columns, or 1 for the weight, for blocks of neighbouring rows. Each
  /// loads an equal part of its rows for all.
  unsigned sharedOperand() const { return inputTile().bytes() > weightTile().bytes() ? 0 : 1; }
  std::int64_t rowCluster() const { return sharedOperand() == 1 ? schedule.cluster : 1; }
  std::int64_t columnCluster() const { return sharedOperand() == 0 ? schedule.cluster : 1; }
  /// The tensor copies that a block asks for in a stage; an operand's lie behind each other along
  /// its rows of bytes.
  std::vector<TensorBox> boxes() const;

  /// Whether zero points are taken off weights of groups before the product: bytes that come from
  /// registers hold the differences, where others hold 16 times the code.
  bool subtractsZeroPoints() const {
    return isWarpSpecialized() && isGrouped() && isWeightShuffled() && !weight.isSigned;
  }
  /// What is multiplied as weights.
  std::optional<Interval> weightFactors() const {
    return subtractsZeroPoints() ? subtract(weight.codes(), weightZero) : weight.codes();
  }

  /// The form that is fastest on the target.
  MmaForm formOn(const Target &target) const;
  /// log2 of the factor by which a form's accumulators exceed the sum of products of codes.
  unsigned scaleLog2(MmaForm form) const;
  AccumulatorProof proveAccumulator(MmaForm form) const;

  /// Whether such a kernel exists at all, and on one target.
  FormatStatus verify() const;
  FormatStatus verifyOn(const Target &target) const;
  /// What of it concerns formats and sizes of operands; tiles and copies too, but no accumulators.
  FormatStatus verifyOperands() const;
  FormatStatus verifyTiles() const;

private:
  FormatStatus verifyFormats() const;
  FormatStatus verifyRows() const;
  FormatStatus verifyScales(std::int64_t rowsOfScales) const;
  FormatStatus verifySchedule() const;
  FormatStatus verifyCopies() const;
  FormatStatus verifyRank() const;
  FormatStatus verifyWarpgroups() const;
  FormatStatus verifyCluster() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_LINEARKERNEL_H
