// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fragments of codes of eight bits, loaded one word at a time.

#include "LowRankBranch.h"

using namespace mlir;
using namespace qllm;

/// The lane's first word of a row: bytes 4 * (lane % 4) and on.
Value LowRankBranch::rowStart(Buffer matrix, Value row) {
  Value offset = code.add(code.multiply(code.extend64(row), code.constant64(rank)),
                          code.extend64(code.shiftLeft(code.bitAnd(place.lane, 3), 2)));
  return code.advance(matrix.pointer, offset);
}

/// Both halves of the 32 bytes of a step: the words of all rows in the first half, then in the
/// second.
Words LowRankBranch::loadWords(ArrayRef<Value> rows, int64_t step) {
  Words words;
  for (int64_t half = 0; half != 2; ++half)
    for (Value row : rows)
      words.push_back(code.loadConstant(code.i32(), code.advance(row, step * 32 + half * 16), 4));
  return words;
}

Value LowRankBranch::columnStart(int64_t block) {
  columnStarts.resize(size_t(place.columnBlocks()));
  Value &start = columnStarts[size_t(block)];
  if (!start)
    start = rowStart(weight, place.clampColumn(place.weightColumn(block)));
  return start;
}

/// Four sums for each row of the right operand, of which a lane has two of the left one.
SmallVector<Value> LowRankBranch::multiply(ArrayRef<Value> left, ArrayRef<Value> right) {
  MmaAtom atom{kernels::MmaForm::Int8, /*leftSigned=*/true, /*rightSigned=*/true};
  SmallVector<Value> sums(right.size() * 4, code.constant(int64_t(0)));
  for (int64_t step = 0; step != rank / 32; ++step) {
    Words leftWords = loadWords(left, step);
    for (auto [i, start] : llvm::enumerate(right)) {
      Words result = atom.multiplyAdd(code, leftWords, loadWords(start, step),
                                      ArrayRef<Value>(sums).slice(i * 4, 4));
      llvm::copy(result, sums.begin() + i * 4);
    }
  }
  return sums;
}

// Rows that are not there repeat the last one, and are not stored.

SmallVector<Value> LowRankBranch::multiplyRows(int64_t block, int64_t first, int64_t count) {
  SmallVector<Value> rows, columns;
  for (int64_t half = 0; half != 2; ++half)
    rows.push_back(rowStart(input, place.clampRow(place.row(block, half))));
  for (int64_t column = first; column != first + count; ++column)
    columns.push_back(columnStart(column));
  return multiply(rows, columns);
}

SmallVector<Value> LowRankBranch::multiplyColumns(int64_t block) {
  SmallVector<Value> columns;
  for (int64_t half = 0; half != 2; ++half)
    columns.push_back(rowStart(weight, place.clampColumn(place.transposedColumn(half))));
  return multiply(columns, rowStart(input, place.clampRow(place.inputRow(block))));
}
