// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the parts of a kernel for linear layers share: its arguments, and where in the product a
// warp works.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARPLACE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARPLACE_H

#include "CodeBuilder.h"
#include "KernelFunction.h"
#include "qllm/Kernels/LinearKernel.h"

namespace qllm {

/// The arguments of the kernel, in their order.
struct LinearArguments {
  Buffer input, weight, inputScales, weightScales, inputZeroPoints, weightSums, weightZeroPoints,
      inputSums, bias, branchInput, branchInputScales, branchWeight, branchWeightScales, gate,
      residual, result;
  mlir::Value rows;

  /// The same from a row on: what belongs to rows starts there, and `rows` counts what is left,
  /// which may be less than nothing.
  LinearArguments from(CodeBuilder &code, mlir::Value row, int64_t columns) const;
};

/// Row index * count + offset of a matrix that has a value for each column and group.
struct GroupRow {
  GroupRow(mlir::Value index = {}, int64_t count = 1, int64_t offset = 0)
      : index(index), count(count), offset(offset) {}
  mlir::Value index; ///< null: there is one row
  int64_t count, offset;
};

/// Where neighbouring sums of a thread are: in a row of the product, from a column of the tile on;
/// and whether there are such a row and column.
struct SumPlace {
  mlir::Value row, column, inside;
};

/// The tile of the block and the part of the warp in it.
class LinearPlace {
public:
  /// `tile` is its number along the columns; null for that of the block.
  LinearPlace(CodeBuilder &code, const kernels::Schedule &schedule, int64_t columns,
              mlir::Value rows, mlir::Value tile = mlir::Value());
  LinearPlace(CodeBuilder &code, const kernels::LinearKernel &kernel, mlir::Value rows)
      : LinearPlace(code, kernel.schedule, kernel.columns, rows) {}

  /// Blocks of one instruction's sums in the warp's part.
  int64_t rowBlocks() const { return schedule.rowsOfWarp() / 16; }
  int64_t columnBlocks() const { return schedule.columnsOfWarp() / 8; }
  /// Columns of the product.
  int64_t totalColumns() const { return columns; }
  /// Whether the product ends inside a tile.
  bool hasRaggedColumns() const { return columns % schedule.tileColumns != 0; }
  /// Whether two neighbouring columns are always both inside, and aligned.
  bool hasColumnPairs() const { return columns % 2 == 0; }

  /// Row of the lane's sums in a block: the first half of them or the second. It lies so far behind
  /// the lane's first one.
  mlir::Value row(int64_t block, int64_t half);
  static int64_t rowOffset(int64_t block, int64_t half) { return block * 16 + half * 8; }
  /// The first of the two neighbouring columns of the lane's sums in a block.
  mlir::Value column(int64_t block);
  /// Column of the product whose weights the lane multiplies in a block.
  mlir::Value weightColumn(int64_t block);
  /// A row or column that is there: the given one, or the last.
  mlir::Value clampRow(mlir::Value row);
  mlir::Value clampColumn(mlir::Value column);
  /// The pairs of the lane's sums, in the order of accumulators: four sums for each block.
  llvm::SmallVector<SumPlace> sumPlaces();

  /// The same when rows and columns are exchanged: neighbours are rows, the halves columns.
  mlir::Value firstTransposedRow();
  static int64_t transposedRowOffset(int64_t block, int64_t neighbour) {
    return block * 8 + neighbour;
  }
  mlir::Value transposedColumn(int64_t half);
  /// Row of the product whose inputs the lane multiplies in a block.
  mlir::Value inputRow(int64_t block);

  /// Element `row` of a vector over rows; any element for rows outside. Narrow integers are
  /// extended to i32, narrow floats to f32.
  mlir::Value loadRow(Buffer buffer, mlir::Value row);
  /// Element `index`, which is there.
  mlir::Value load(Buffer buffer, int64_t index);
  /// Element `column` of row `row` of a matrix of so many columns; of any row for rows outside.
  mlir::Value loadInRow(Buffer buffer, mlir::Value row, int64_t columns, mlir::Value column);
  /// Element `column` of a vector over columns, or of a row of a matrix over them; any element for
  /// columns outside.
  mlir::Value loadColumn(Buffer buffer, mlir::Value column, GroupRow row = {});
  /// Elements of the lane's two columns in a block.
  std::array<mlir::Value, 2> loadColumns(Buffer buffer, int64_t block, GroupRow row = {});

  /// Stores the lane's two columns, the first of which is `column`, in the row that begins at
  /// `rowPointer`; columns outside are left out.
  void storeColumns(std::array<mlir::Value, 2> results, mlir::Value rowPointer, mlir::Value column);

  mlir::Value thread, lane;
  mlir::Value tileRow, tileColumn; ///< first of the block's tile
  mlir::Value warpRow, warpColumn; ///< first of the warp's part, inside the tile

private:
  /// The byte that has an element of four bits, as i32, and the element's number.
  struct HalfByte {
    mlir::Value byte, element;
  };

  mlir::Value address(Buffer buffer, mlir::Value column, GroupRow row);
  mlir::Value loadAt(mlir::Value pointer, mlir::Type elementType);
  mlir::Value loadElement(Buffer buffer, mlir::Value index, GroupRow row = {});
  HalfByte halfByte(Buffer buffer, mlir::Value column, GroupRow row);
  mlir::Value extend(mlir::Value value, mlir::Type elementType);

  CodeBuilder &code;
  kernels::Schedule schedule;
  int64_t columns;
  mlir::Value rows;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARPLACE_H
