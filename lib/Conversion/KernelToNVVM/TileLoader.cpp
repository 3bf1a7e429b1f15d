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

/// Lanes that copy one row side by side. A thread's further pieces of a row are constants away from
/// its first, those of other rows cost additions of 64 bits: so few lanes, as long as eight of them
/// fill the banks, and rows are read 64 bytes at a time.
static int64_t lanesOfRow(const LoadedOperand &operand, int64_t threads) {
  int64_t pieces = operand.tile.piecesPerRow();
  int64_t lanes = std::min<int64_t>(pieces, operand.swizzled ? 4 : 8);
  while (pieces % (2 * lanes) == 0 && 2 * lanes * operand.tile.rows <= threads)
    lanes *= 2;
  return lanes;
}

TileLoader::TileLoader(CodeBuilder &code, const LoadedOperand &operand, Value thread,
                       int64_t threads)
    : code(code), tile(operand.tile), tiles(operand.tiles), lanes(lanesOfRow(operand, threads)),
      rowStep(threads / lanes) {
  Value row = code.divide(thread, lanes), piece = code.remainder(thread, lanes);
  bool isHalf = operand.swizzled && lanes < std::min<int64_t>(tile.piecesPerRow(), 8);
  if (isHalf) {
    // Halves of rows 0 and 4, of 1 and 5, .. fill the banks.
    Value inPeriod =
        code.add(code.shiftLeft(code.bitAnd(row, 1), 2), code.bitAnd(code.shiftRight(row, 1), 3));
    row = code.add(code.bitAnd(row, -8), inPeriod);
  }
  column = code.multiply(piece, pieceBytes);
  Value globalRow = code.add(operand.firstRow, row);
  Value rowStart = code.multiply(code.extend64(globalRow), code.constant64(tile.pitch));
  source = code.advance(code.advance(operand.pointer, rowStart), column);
  auto destination = [&](Value piece) {
    return code.advance(operand.shared, pieceOffset(code, tile, operand.swizzled, row, piece));
  };
  destinations.push_back(destination(piece));
  if (isHalf)
    destinations.push_back(destination(code.add(piece, lanes)));
  for (int64_t first = 0; first < tile.rows; first += rowStep)
    rows.push_back(operand.rowLimit ? code.less(code.add(globalRow, first), operand.rowLimit)
                                    : Value());
  if (int64_t rest = tile.rows % rowStep)
    lastCopy = code.less(row, code.constant(rest));
}

Value TileLoader::isInRow(Value index, int64_t offset) {
  if (tiles * tile.rowBytes <= tile.pitch)
    return Value();
  if (tile.pitch % tile.rowBytes == 0)
    return code.less(index, code.constant(tile.pitch / tile.rowBytes));
  return code.less(code.add(code.add(code.multiply(index, tile.rowBytes), column), offset),
                   code.constant(tile.pitch));
}

/// The copies of a thread in all its rows, `offset` bytes behind its first in each.
void TileLoader::issueColumn(Value index, Value from, Value to, int64_t offset) {
  Value inRow = isInRow(index, offset);
  Value whole = code.constant(pieceBytes), none = code.constant(int64_t(0));
  for (auto [copy, exists] : llvm::enumerate(rows)) {
    int64_t row = int64_t(copy) * rowStep;
    Value inside = inRow && exists ? code.both(inRow, exists) : inRow ? inRow : exists;
    Value size = inside ? code.select(inside, whole, none) : Value();
    code.when(copy + 1 == rows.size() ? lastCopy : Value(), [&] {
      NVVM::CpAsyncOp::create(code.getBuilder(), code.getLoc(),
                              code.advance(to, row * tile.rowBytes),
                              code.advance(from, row * tile.pitch + offset), uint32_t(pieceBytes),
                              NVVM::LoadCacheModifierKind::CG, size);
    });
  }
}

void TileLoader::issue(Value index, Value from, Value stageOffset) {
  SmallVector<Value> places;
  for (Value destination : destinations)
    places.push_back(code.advance(destination, stageOffset));
  // Past all destinations, the swizzle begins again.
  int64_t step = lanes * pieceBytes, period = step * int64_t(places.size());
  for (int64_t offset = 0; offset != tile.rowBytes; offset += step)
    issueColumn(index, from, code.advance(places[offset % period / step], offset / period * period),
                offset);
}
