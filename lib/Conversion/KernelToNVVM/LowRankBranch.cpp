// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fragments loaded a word or two at a time. Both operands may have the elements of a step in any
// order that is the same for both, so those that a lane multiplies lie beside each other: four
// bytes in each half of 32, or four of 16.

#include "LowRankBranch.h"

#include "HalfWeights.h"

using namespace mlir;
using namespace qllm;

/// Steps of a round of the loop over the rank, whose loads are on their way together; and how many
/// there may be without a loop.
static constexpr int64_t stepsOfRound = 4, mostUnrolledSteps = 8;
/// Blocks of columns whose sums are there at a time.
static constexpr int64_t blocksOfPart = 4;

static int64_t bytesOf(Buffer matrix) { return matrix.elementType.getIntOrFloatBitWidth() / 8; }

/// The lane's first word of a row: elements 4 * (lane % 4) and on.
Value LowRankBranch::rowStart(Buffer matrix, Value row) {
  Value offset =
      code.add(code.multiply(code.extend64(row), code.constant64(rank * bytesOf(matrix))),
               code.extend64(code.multiply(code.bitAnd(place.lane, 3), 4 * bytesOf(matrix))));
  return code.advance(matrix.pointer, offset);
}

/// The lane's two words of a row: one of each half of a step's bytes, or four floats.
Words LowRankBranch::loadRow(Value start, bool isWeight, int64_t step) {
  auto load = [&](int64_t bytes) {
    return code.loadConstant(code.i32(), code.advance(start, bytes), 4);
  };
  if (!hasFloats())
    return {load(step * 32), load(step * 32 + 16)};
  if (isWeight)
    return halvesOfBytes(code, kindOfFloats(), load(step * 16));
  Value four = code.loadConstant(VectorType::get(2, code.i32()), code.advance(start, step * 32), 8);
  return {code.element(four, 0), code.element(four, 1)};
}

/// The first words of all rows, then the second ones.
Words LowRankBranch::loadWords(ArrayRef<Value> starts, bool areWeights, int64_t step) {
  Words words(starts.size() * 2);
  for (auto [i, start] : llvm::enumerate(starts)) {
    Words ofRow = loadRow(start, areWeights, step);
    words[i] = ofRow[0];
    words[starts.size() + i] = ofRow[1];
  }
  return words;
}

Value LowRankBranch::columnStart(int64_t block) {
  columnStarts.resize(size_t(place.columnBlocks()));
  Value &start = columnStarts[size_t(block)];
  if (!start)
    start = rowStart(weight, place.clampColumn(place.weightColumn(block)));
  return start;
}

Words LowRankBranch::multiplyAdd(ArrayRef<Value> left, ArrayRef<Value> right,
                                 ArrayRef<Value> sums) {
  if (!hasFloats())
    return MmaAtom{kernels::MmaForm::Int8, /*leftSigned=*/true, /*rightSigned=*/true}.multiplyAdd(
        code, left, right, sums);
  return HalfAtom{kindOfFloats()}.multiplyAdd(code, left, right, sums);
}

LowRankBranch::Rows LowRankBranch::advance(const Rows &rows, Value elements) {
  Value bytes = code.multiply(elements, bytesOf(rows.areWeights ? weight : input));
  Rows advanced{{}, rows.areWeights};
  for (Value start : rows.starts)
    advanced.starts.push_back(code.advance(start, bytes));
  return advanced;
}

void LowRankBranch::addSteps(const Rows &left, const Rows &right, int64_t firstStep,
                             int64_t endStep, SmallVectorImpl<Value> &sums) {
  for (int64_t step = firstStep; step != endStep; ++step) {
    Words leftWords = loadWords(left.starts, left.areWeights, step);
    for (auto [i, start] : llvm::enumerate(right.starts)) {
      Words result = multiplyAdd(leftWords, loadWords(start, right.areWeights, step),
                                 ArrayRef<Value>(sums).slice(i * 4, 4));
      llvm::copy(result, sums.begin() + i * 4);
    }
  }
}

/// Four sums for each row of the right operand, of which a lane has two of the left one.
SmallVector<Value> LowRankBranch::multiply(Rows left, Rows right) {
  if (hasFloats()) {
    // Else LLVM would hold on to fragments of one call for the next, and by stream-K to rows for
    // the next tile, beside sums that take half of the registers.
    Value nothing = code.subtract(code.hide(place.tileColumn), place.tileColumn);
    left = advance(left, nothing);
    right = advance(right, nothing);
  }
  Value zero = hasFloats() ? code.constant(0.0f) : code.constant(int64_t(0));
  SmallVector<Value> sums(right.starts.size() * 4, zero);
  int64_t steps = rank / stepDepth();
  int64_t rounds = steps > mostUnrolledSteps ? steps / stepsOfRound : 0;
  if (rounds != 0)
    sums = llvm::to_vector(code.repeat(0, rounds, sums, [&](Value round, ValueRange carried) {
      Value elements = code.multiply(round, stepsOfRound * stepDepth());
      SmallVector<Value> next(carried);
      addSteps(advance(left, elements), advance(right, elements), 0, stepsOfRound, next);
      return next;
    }));
  addSteps(left, right, rounds * stepsOfRound, steps, sums);
  return sums;
}

// Rows that are not there repeat the last one, and are not stored.

SmallVector<Value> LowRankBranch::multiplyRows(int64_t block, int64_t first, int64_t count) {
  if (rank == 0)
    return SmallVector<Value>(size_t(count * 4));
  Rows rows{{}, /*areWeights=*/false}, columns{{}, /*areWeights=*/true};
  for (int64_t half = 0; half != 2; ++half)
    rows.starts.push_back(rowStart(input, place.clampRow(place.row(block, half))));
  for (int64_t column = first; column != first + count; ++column)
    columns.starts.push_back(columnStart(column));
  return multiply(rows, columns);
}

void LowRankBranch::forParts(
    function_ref<void(int64_t rows, int64_t first, ArrayRef<Value>)> body) {
  int64_t blocks = place.columnBlocks();
  int64_t atOnce = rank == 0 ? blocks : std::min(blocks, blocksOfPart);
  // All lanes multiply, also those whose rows are not there.
  for (int64_t rows = 0; rows != place.rowBlocks(); ++rows)
    for (int64_t first = 0; first < blocks; first += atOnce)
      body(rows, first, multiplyRows(rows, first, std::min(atOnce, blocks - first)));
}

SmallVector<Value> LowRankBranch::multiplyColumns(int64_t tile, Value row) {
  if (rank == 0)
    return SmallVector<Value>(4);
  Rows rows{{rowStart(input, place.clampRow(row))}, /*areWeights=*/false};
  Rows columns{{columnStart(tile * 2), columnStart(tile * 2 + 1)}, /*areWeights=*/true};
  return multiply(columns, rows);
}
