// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order in which a kernel wants the codes of a weight: a permutation of each tile, written as
// one digit after the other of the position in memory. It does not depend on a kernel's tile sizes,
// so a stored weight serves every schedule.

#ifndef QLLM_KERNELS_WEIGHTLAYOUT_H
#define QLLM_KERNELS_WEIGHTLAYOUT_H

#include "qllm/Format/FormatStatus.h"
#include "qllm/Format/Span.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace qllm::kernels {

/// Rows are outputs (n) and columns are inputs (k) of the linear layer.
enum class LayoutAxis : std::uint8_t { Row, Column };

/// One digit of a position: it counts `size` steps of `stride` along an axis.
struct LayoutDigit {
  LayoutAxis axis;
  std::int64_t size;
  std::int64_t stride;

  bool operator==(const LayoutDigit &other) const {
    return axis == other.axis && size == other.size && stride == other.stride;
  }
};

/// A permutation of tiles of `tileRows` by `tileColumns`. Tiles follow each other along the columns
/// first, and edges are filled up with zero codes to whole tiles.
class WeightLayout {
public:
  /// Digits from the slowest to the fastest. `verify` first.
  WeightLayout(std::int64_t tileRows, std::int64_t tileColumns, std::vector<LayoutDigit> digits)
      : rows(tileRows), columns(tileColumns), digits(std::move(digits)) {}

  /// Whether each element of the tile has exactly one position: along each axis the digits, put in
  /// the order of their strides, must be the digits of a number below the size of the tile.
  FormatStatus verify() const;

  std::int64_t tileRows() const { return rows; }
  std::int64_t tileColumns() const { return columns; }
  std::int64_t tileSize() const { return rows * columns; }
  Span<const LayoutDigit> getDigits() const { return digits; }

  /// The element (row, column) of the tile that lies at `position`, and back.
  std::pair<std::int64_t, std::int64_t> elementAt(std::int64_t position) const;
  std::int64_t positionOf(std::int64_t row, std::int64_t column) const;

  /// Tiles that cover `size` rows or columns.
  std::int64_t rowTiles(std::int64_t size) const { return (size + rows - 1) / rows; }
  std::int64_t columnTiles(std::int64_t size) const { return (size + columns - 1) / columns; }
  /// Codes of a shuffled weight, the filling included.
  std::int64_t shuffledSize(std::int64_t weightRows, std::int64_t weightColumns) const {
    return rowTiles(weightRows) * columnTiles(weightColumns) * tileSize();
  }

  /// What 4-bit weights beside 8-bit activations are stored in: lane l of a warp finds in 16
  /// consecutive bytes what it needs for two 8-column blocks and two steps of 32 of mma.m16n8k32,
  /// with the two halves of a step in the two nibbles of a byte.
  static WeightLayout int4Fragments();
  /// What the scales of blocks of 4-bit floats lie in, on both sides of a product: 32 lanes find
  /// four scales of as many rows in 512 consecutive bytes, beside those of the rows 32, 64 and 96
  /// further on.
  static WeightLayout blockScales();
  /// What weights of `storageBits` (4 or 8) beside 16-bit floats are stored in: lane l of a warp
  /// finds in 16 consecutive bytes what it needs for two 8-column blocks and all steps of 16 of
  /// mma.m16n8k16. Of four bits, two codes whose half bytes lie 16 bits apart are neighbours along
  /// k, so that one mask gives both halves of a register.
  static WeightLayout halfFragments(unsigned storageBits);

private:
  std::int64_t rows, columns;
  std::vector<LayoutDigit> digits;
};

/// The codes of a row-major weight, one to a byte, in the order of the layout; `shuffled` has
/// `shuffledSize` bytes.
FormatStatus shuffleCodes(const WeightLayout &layout, std::int64_t rows, std::int64_t columns,
                          Span<const std::uint8_t> codes, Span<std::uint8_t> shuffled);
/// The inverse; the filling is dropped.
FormatStatus unshuffleCodes(const WeightLayout &layout, std::int64_t rows, std::int64_t columns,
                            Span<const std::uint8_t> shuffled, Span<std::uint8_t> codes);

} // namespace qllm::kernels

#endif // QLLM_KERNELS_WEIGHTLAYOUT_H
