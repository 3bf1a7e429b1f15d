// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Brings tiles of one operand from global to shared memory.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_TILELOADER_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_TILELOADER_H

#include "CodeBuilder.h"
#include "qllm/Kernels/LinearKernel.h"

namespace qllm {

/// Where the 16-byte pieces of a row lie in shared memory. Rows of swizzled tiles have their pieces
/// exchanged, so that eight rows of one piece, which a matrix load reads at a time, lie in
/// different banks.
mlir::Value pieceOffset(CodeBuilder &code, const kernels::OperandTile &tile, bool swizzled,
                        mlir::Value row, mlir::Value piece);

/// What tells one operand's loader from another's.
struct LoadedOperand {
  kernels::OperandTile tile;
  bool swizzled;
  mlir::Value pointer;  ///< to the operand in global memory
  mlir::Value firstRow; ///< of the tile
  mlir::Value rowLimit; ///< rows from here on are read as zeros; null if the tile has none
  mlir::Value shared;   ///< shared memory of the operand in stage 0
  int64_t tiles;        ///< along the depth that are asked for, if need be beyond its end
};

/// Copies tiles with cp.async, 16 bytes a thread at a time. Built before the loop, where all that
/// does not change is computed.
class TileLoader {
public:
  TileLoader(CodeBuilder &code, const LoadedOperand &operand, mlir::Value thread, int64_t threads);

  /// Where the thread's first copy of the first tile comes from; each further tile lies `tileStep`
  /// bytes on.
  mlir::Value getSource() const { return source; }
  int64_t tileStep() const { return tile.rowBytes; }

  /// Starts the copies of tile number `index`, from `from` on, into the stage at `stageOffset`.
  /// What is past the end of a row becomes zero.
  void issue(mlir::Value index, mlir::Value from, mlir::Value stageOffset);

private:
  /// Whether the piece `offset` bytes behind the thread's first is; null where all are.
  mlir::Value isInRow(mlir::Value index, int64_t offset);
  void issueColumn(mlir::Value index, mlir::Value from, mlir::Value to, int64_t offset);

  CodeBuilder &code;
  kernels::OperandTile tile;
  int64_t tiles;
  int64_t lanes;      ///< that copy one row side by side
  int64_t rowStep;    ///< rows from one copy of a thread to the next
  mlir::Value column; ///< byte in the row that the thread copies first
  mlir::Value source;
  /// Of the first copy; where the swizzle exchanges halves of rows, of the second too.
  llvm::SmallVector<mlir::Value, 2> destinations;
  llvm::SmallVector<mlir::Value>
      rows;             ///< whether the row of each copy exists; null if it always does
  mlir::Value lastCopy; ///< whether the thread takes part in the last row; null if all do
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_TILELOADER_H
