// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A ring of cp.async, seen from one operand.

#include "TileLoader.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

static constexpr int64_t pieceBytes = kernels::OperandTile::pieceBytes;

Value qllm::pieceOffset(CodeBuilder &code, const kernels::OperandTile &tile, bool swizzled,
                        Value row, Value piece) {
  if (swizzled) {
    // Eight pieces fill the banks once: rows of 128 bytes or more change with every row, rows of 64
    // with every second.
    int64_t pieces = std::min<int64_t>(tile.piecesPerRow(), 8);
    Value period = pieces == 8 ? row : code.shiftRight(row, 1);
    piece = code.bitXor(piece, code.bitAnd(period, pieces - 1));
  }
  return code.add(code.multiply(row, tile.rowBytes), code.multiply(piece, pieceBytes));
}

TileLoader::TileLoader(CodeBuilder &code, const LoadedOperand &operand, Value thread,
                       int64_t threads)
    : code(code), tile(operand.tile), rowStep(threads / tile.piecesPerRow()) {
  Value row = code.divide(thread, tile.piecesPerRow());
  Value piece = code.remainder(thread, tile.piecesPerRow());
  column = code.multiply(piece, pieceBytes);
  Value globalRow = code.add(operand.firstRow, row);
  Value rowStart = code.multiply(code.extend64(globalRow), code.constant64(tile.pitch));
  source = code.advance(code.advance(operand.pointer, rowStart), column);
  destination = code.advance(operand.shared, pieceOffset(code, tile, operand.swizzled, row, piece));
  for (int64_t first = 0; first < tile.rows; first += rowStep)
    rows.push_back(operand.rowLimit ? code.less(code.add(globalRow, first), operand.rowLimit)
                                    : Value());
  if (int64_t rest = tile.rows % rowStep)
    lastCopy = code.less(row, code.constant(rest));
}

/// Tiles beyond the depth are asked for too, as they keep the ring's count of groups; they are
/// zero.
Value TileLoader::isInRow(Value index) {
  if (tile.pitch % tile.rowBytes == 0)
    return code.less(index, code.constant(tile.pitch / tile.rowBytes));
  return code.less(code.add(code.multiply(index, tile.rowBytes), column),
                   code.constant(tile.pitch));
}

void TileLoader::issue(Value index, Value from, Value stageOffset) {
  Value inRow = isInRow(index), to = code.advance(destination, stageOffset);
  Value whole = code.constant(pieceBytes), none = code.constant(int64_t(0));
  for (auto [copy, exists] : llvm::enumerate(rows)) {
    int64_t row = int64_t(copy) * rowStep;
    Value size = code.select(exists ? code.both(inRow, exists) : inRow, whole, none);
    code.when(copy + 1 == rows.size() ? lastCopy : Value(), [&] {
      NVVM::CpAsyncOp::create(code.getBuilder(), code.getLoc(),
                              code.advance(to, row * tile.rowBytes),
                              code.advance(from, row * tile.pitch), uint32_t(pieceBytes),
                              NVVM::LoadCacheModifierKind::CG, size);
    });
  }
}
