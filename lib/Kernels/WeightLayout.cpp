// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layouts as mixed-radix numbers.

#include "qllm/Kernels/WeightLayout.h"

#include <algorithm>
#include <string>

using namespace qllm;
using namespace qllm::kernels;

namespace {

std::string nameOf(LayoutAxis axis) { return axis == LayoutAxis::Row ? "n" : "k"; }

FormatStatus verifyAxis(Span<const LayoutDigit> digits, LayoutAxis axis, std::int64_t extent) {
  std::vector<LayoutDigit> own;
  std::copy_if(digits.begin(), digits.end(), std::back_inserter(own),
               [=](const LayoutDigit &digit) { return digit.axis == axis; });
  std::sort(own.begin(), own.end(),
            [](const LayoutDigit &a, const LayoutDigit &b) { return a.stride < b.stride; });
  std::int64_t next = 1;
  for (const LayoutDigit &digit : own) {
    if (digit.stride != next)
      return FormatStatus::failure("expected a digit of " + nameOf(axis) + " with stride " +
                                   std::to_string(next) + ", but the next stride is " +
                                   std::to_string(digit.stride));
    next *= digit.size;
    if (next > extent)
      break;
  }
  if (next != extent)
    return FormatStatus::failure("expected digits of " + nameOf(axis) + " that count to " +
                                 std::to_string(extent) + ", but they count to " +
                                 std::to_string(next));
  return {};
}

FormatStatus verifySize(const char *what, std::int64_t wanted, std::size_t found) {
  if (std::size_t(wanted) == found)
    return {};
  return FormatStatus::failure("expected " + std::to_string(wanted) + " " + what + ", but got " +
                               std::to_string(found));
}

FormatStatus verifySizes(const WeightLayout &layout, std::int64_t rows, std::int64_t columns,
                         std::size_t codes, std::size_t shuffled) {
  FormatStatus status = verifySize("codes", rows * columns, codes);
  return status ? verifySize("shuffled codes", layout.shuffledSize(rows, columns), shuffled)
                : status;
}

/// Calls visit(position in the shuffled weight, row, column) for all positions.
template <typename Visit>
void forEachPosition(const WeightLayout &layout, std::int64_t rows, std::int64_t columns,
                     Visit visit) {
  std::vector<std::pair<std::int64_t, std::int64_t>> tile(layout.tileSize());
  for (std::int64_t i = 0; i != layout.tileSize(); ++i)
    tile[i] = layout.elementAt(i);
  std::int64_t position = 0;
  for (std::int64_t row = 0; row < rows; row += layout.tileRows())
    for (std::int64_t column = 0; column < columns; column += layout.tileColumns())
      for (auto [tileRow, tileColumn] : tile)
        visit(position++, row + tileRow, column + tileColumn);
}

} // namespace

FormatStatus WeightLayout::verify() const {
  // Bounds that keep every product below in 64 bits.
  constexpr std::int64_t largest = 1 << 16;
  for (std::int64_t extent : {rows, columns})
    if (extent < 1 || extent > largest)
      return FormatStatus::failure("expected a tile of 1 to " + std::to_string(largest) +
                                   " rows and columns, but got " + std::to_string(rows) + "x" +
                                   std::to_string(columns));
  for (const LayoutDigit &digit : digits)
    if (digit.size < 2 || digit.size > largest)
      return FormatStatus::failure("expected digits of size 2 to " + std::to_string(largest) +
                                   ", but got " + std::to_string(digit.size));
  if (FormatStatus status = verifyAxis(digits, LayoutAxis::Row, rows); !status)
    return status;
  return verifyAxis(digits, LayoutAxis::Column, columns);
}

std::pair<std::int64_t, std::int64_t> WeightLayout::elementAt(std::int64_t position) const {
  std::int64_t row = 0, column = 0;
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
    std::int64_t value = position % digit->size * digit->stride;
    position /= digit->size;
    (digit->axis == LayoutAxis::Row ? row : column) += value;
  }
  return {row, column};
}

std::int64_t WeightLayout::positionOf(std::int64_t row, std::int64_t column) const {
  std::int64_t position = 0;
  for (const LayoutDigit &digit : digits) {
    std::int64_t coordinate = digit.axis == LayoutAxis::Row ? row : column;
    position = position * digit.size + coordinate / digit.stride % digit.size;
  }
  return position;
}

WeightLayout WeightLayout::int4Fragments() {
  constexpr LayoutAxis n = LayoutAxis::Row, k = LayoutAxis::Column;
  return WeightLayout(16, 64,
                      {{n, 8, 1},    // lane / 4
                       {k, 4, 4},    // lane % 4
                       {n, 2, 8},    // block of eight columns of the product
                       {k, 2, 32},   // step of 32
                       {k, 4, 1},    // byte of a word
                       {k, 2, 16}}); // nibble of a byte
}

WeightLayout WeightLayout::blockScales() {
  constexpr LayoutAxis n = LayoutAxis::Row, k = LayoutAxis::Column;
  return WeightLayout(128, 4, {{n, 32, 1}, {n, 4, 32}, {k, 4, 1}});
}

WeightLayout WeightLayout::halfFragments(unsigned storageBits) {
  constexpr LayoutAxis n = LayoutAxis::Row, k = LayoutAxis::Column;
  std::vector<LayoutDigit> digits = {{n, 8, 1},  // lane / 4
                                     {k, 4, 2},  // lane % 4
                                     {n, 2, 8}}; // block of eight columns of the product
  if (storageBits == 8) {
    digits.insert(digits.end(), {{k, 2, 16},  // step of 16
                                 {k, 2, 8},   // register of the fragment
                                 {k, 2, 1}}); // half of the register
    return WeightLayout(16, 32, std::move(digits));
  }
  digits.insert(digits.end(), {{k, 2, 32},  // pair of steps
                               {k, 2, 1},   // half of the register
                               {k, 2, 16},  // step of 16
                               {k, 2, 8}}); // register of the fragment
  return WeightLayout(16, 64, std::move(digits));
}

FormatStatus kernels::shuffleCodes(const WeightLayout &layout, std::int64_t rows,
                                   std::int64_t columns, Span<const std::uint8_t> codes,
                                   Span<std::uint8_t> shuffled) {
  if (FormatStatus status = verifySizes(layout, rows, columns, codes.size(), shuffled.size());
      !status)
    return status;
  forEachPosition(layout, rows, columns,
                  [&](std::int64_t position, std::int64_t row, std::int64_t column) {
                    bool inside = row < rows && column < columns;
                    shuffled[position] = inside ? codes[row * columns + column] : 0;
                  });
  return {};
}

FormatStatus kernels::unshuffleCodes(const WeightLayout &layout, std::int64_t rows,
                                     std::int64_t columns, Span<const std::uint8_t> shuffled,
                                     Span<std::uint8_t> codes) {
  if (FormatStatus status = verifySizes(layout, rows, columns, codes.size(), shuffled.size());
      !status)
    return status;
  forEachPosition(layout, rows, columns,
                  [&](std::int64_t position, std::int64_t row, std::int64_t column) {
                    if (row < rows && column < columns)
                      codes[row * columns + column] = shuffled[position];
                  });
  return {};
}
