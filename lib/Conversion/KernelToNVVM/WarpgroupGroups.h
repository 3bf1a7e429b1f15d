// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the integers of a group to the sum over all groups, where warpgroups multiply transposed: a
// lane has two columns of the product, and two neighbouring rows of every eight.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPGROUPS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPGROUPS_H

#include "BarrierRing.h"
#include "LinearPlace.h"
#include "MmaAtom.h"

namespace qllm {

/// Each lane loads what belongs to its columns. What belongs to rows would take it a register and
/// three instructions for every row and group, so warps that have nothing else to do bring that to
/// shared memory, where all warps that multiply find it.
class WarpgroupGroups {
public:
  /// `rowValues` is shared memory for `kernel.rowValueBytes()` of each stage.
  WarpgroupGroups(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                  const LinearArguments &arguments, mlir::Value rowValues, BarrierRing &ring)
      : code(code), place(place), kernel(kernel), arguments(arguments), rowValues(rowValues),
        ring(ring) {}

  /// How many arrivals fill a stage of the ring: one for the bytes, one for each warp of fillRows.
  int64_t fillers() const { return 1 + (bringsRows() ? fillingWarps : 0); }
  bool bringsRows() const { return kernel.rowValueBytes() != 0; }
  /// Brings what belongs to rows to all stages, by the warps from thread `first` on.
  void fillRows(int64_t first);

  /// Before the tile is waited for: loads what belongs to columns of its groups.
  void beginTile(mlir::Value tile, mlir::Value stage);
  /// Unpacks words of the lane's columns, in the order of WarpgroupAtom's left operand, from the
  /// lane's packed words of both; takes zero points of a group off them.
  Words unpack(int64_t group, std::array<mlir::Value, 2> packed);
  /// Adds the scaled products of a group of the tile to a lane's sums, in the order of
  /// WarpgroupAtom.
  void add(int64_t group, mlir::ValueRange products, llvm::MutableArrayRef<mlir::Value> sums);

private:
  static constexpr int64_t fillingWarps = 3;

  /// Of the lane's columns. Zero points are in each byte; sums are those that zero points of inputs
  /// are multiplied by.
  struct Columns {
    std::array<mlir::Value, 2> scales, zeroPoints, sums;
  };

  /// Whether zero points of inputs are taken off each group: they belong to groups, or those of
  /// weights do.
  bool correctsInputs() const { return kernel.rowZeroPoints() != 0; }
  mlir::Value negativeSum(mlir::Value column, mlir::Value index, mlir::Value zeroPoint);
  /// Row index of the matrices of groups; the last for groups beyond the depth.
  mlir::Value indexOf(mlir::Value tile, int64_t group, bool clamped);
  Columns loadColumns(mlir::Value tile, int64_t group);
  llvm::SmallVector<mlir::Value> loadRow(mlir::Value tile, mlir::Value row);
  /// A value of the lane's two rows of a block, brought to the tile's stage.
  std::array<mlir::Value, 2> loadPair(int64_t value, int64_t block);

  CodeBuilder &code;
  LinearPlace &place;
  const kernels::LinearKernel &kernel;
  const LinearArguments &arguments;
  mlir::Value rowValues;
  BarrierRing &ring;
  llvm::SmallVector<Columns> columns; ///< of the tile's groups
  mlir::Value ofLane;                 ///< the stage's value of the lane's first row
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPGROUPS_H
