// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums over the whole depth, and sums of groups.

#include "Accumulators.h"

#include "RegisterConstant.h"

using namespace mlir;
using namespace qllm;

namespace {

class WholeSums : public Accumulators {
public:
  WholeSums(CodeBuilder &code, const LinearPlace &place, const MmaAtom &atom)
      : code(code), atom(atom), columnBlocks(place.columnBlocks()),
        count(place.rowBlocks() * columnBlocks * 4) {}

  SmallVector<Value> start() override {
    return SmallVector<Value>(count, code.constant(int64_t(0)));
  }

  void add(int64_t, ArrayRef<StepFragments> left, ArrayRef<StepFragments> right) override {
    for (auto [leftStep, rightStep] : llvm::zip_equal(left, right))
      for (auto [leftBlocks, rightBlocks] : llvm::zip_equal(leftStep, rightStep))
        for (auto [row, words] : llvm::enumerate(leftBlocks))
          for (int64_t column = 0; column != columnBlocks; ++column) {
            size_t first = (row * columnBlocks + column) * 4;
            Words result = atom.multiplyAdd(code, words, rightBlocks[column],
                                            ArrayRef<Value>(sums).slice(first, 4));
            llvm::copy(result, sums.begin() + first);
          }
  }

private:
  CodeBuilder &code;
  MmaAtom atom;
  int64_t columnBlocks, count;
};

class GroupSums : public Accumulators {
public:
  GroupSums(CodeBuilder &code, LinearPlace &place, const MmaAtom &atom,
            const kernels::LinearKernel &kernel, kernels::Accumulator accumulator,
            const LinearArguments &arguments, unsigned scaleLog2)
      : code(code), place(place), atom(atom), kernel(kernel), accumulator(accumulator),
        arguments(arguments), scaleLog2(scaleLog2),
        groupStart(startsAsFloat()
                       ? Words(constantInRegisters(code, kernels::floatBitsStart, arguments.rows))
                       : Words(4, code.constant(int64_t(0)))) {
    if (!correctsInputs() || kernel.hasInputGroups)
      return;
    for (int64_t block = 0; block != place.rowBlocks(); ++block) {
      auto load = [&](int64_t half) {
        return scaledZero(place.loadRow(arguments.inputZeroPoints, place.row(block, half)));
      };
      Value first = load(0);
      zeroPointsOfRows.push_back({first, load(1)});
    }
  }

  SmallVector<Value> start() override {
    return SmallVector<Value>(place.rowBlocks() * place.columnBlocks() * 4, code.constant(0.0f));
  }

  int64_t stepsAtATime() const override { return kernel.groupLength / kernel.stepDepth(); }

  /// Loads the scales of all groups of the tile, long before they are wanted.
  void beginTile(ValueRange carried, Value tile) override {
    Accumulators::beginTile(carried, tile);
    int64_t groupsOfTile = kernel.groupsOfTile();
    Value hidden = code.hide(tile);
    groups.clear();
    for (int64_t group = 0; group != groupsOfTile; ++group) {
      Value index = code.add(code.multiply(tile, groupsOfTile), group);
      GroupRow row{hidden, groupsOfTile, group};
      // The last tile may have groups beyond the depth; their sums of products are zero.
      bool mayBeOutside = kernel.depth % kernel.schedule.tileDepth != 0;
      Value inside;
      if (mayBeOutside && correctsInputs())
        inside = code.less(index, code.constant(kernel.groups()));
      if (mayBeOutside)
        row = index = code.minimum(index, code.constant(kernel.groups() - 1));
      loadGroup(groups.emplace_back(), index, row);
      if (inside)
        for (std::array<Value, 2> &scales : groups.back().scales)
          for (Value &scale : scales)
            scale = code.select(inside, scale, code.constant(0.0f));
    }
  }

  void add(int64_t first, ArrayRef<StepFragments> left, ArrayRef<StepFragments> right) override {
    const Group &ofSteps = groups[first / stepsAtATime()];
    for (int64_t row = 0; row != place.rowBlocks(); ++row) {
      if (arguments.weightZeroPoints)
        inputSums = sumInputs(row, left, ofSteps);
      for (int64_t column = 0; column != place.columnBlocks(); ++column) {
        Words group = sumGroup(row, column, left, right);
        size_t start = (row * place.columnBlocks() + column) * 4;
        for (unsigned i = 0; i != 4; ++i)
          sums[start + i] = addGroup(toFloat(group[i]), ofSteps, row, column, i, sums[start + i]);
      }
    }
  }

private:
  /// Of the lane: two neighbouring columns of each block, and two rows of each block where inputs
  /// have groups.
  struct Group {
    SmallVector<std::array<Value, 2>> scales, weightSums, weightZeroPoints, inputScales,
        inputZeroPoints;
  };

  /// Whether zero points of inputs are taken off each group, also where there is none.
  bool correctsInputs() const {
    return arguments.inputZeroPoints && (kernel.hasInputGroups || arguments.weightZeroPoints);
  }

  void loadGroup(Group &group, Value index, GroupRow row) {
    for (int64_t block = 0; block != place.columnBlocks(); ++block)
      group.scales.push_back(place.loadColumns(arguments.weightScales, block, row));
    for (int64_t block = 0; arguments.weightZeroPoints && block != place.columnBlocks(); ++block) {
      std::array<Value, 2> zeros = place.loadColumns(arguments.weightZeroPoints, block, row);
      for (Value &zero : zeros)
        zero = negativeZero(zero);
      group.weightZeroPoints.push_back(zeros);
    }
    if (!kernel.hasInputGroups)
      return;
    for (int64_t block = 0; block != place.rowBlocks(); ++block)
      group.inputScales.push_back(loadRows(arguments.inputScales, block, index));
    if (!arguments.inputZeroPoints)
      return;
    for (int64_t block = 0; block != place.rowBlocks(); ++block) {
      std::array<Value, 2> zeros = loadRows(arguments.inputZeroPoints, block, index);
      for (Value &zero : zeros)
        zero = scaledZero(zero);
      group.inputZeroPoints.push_back(zeros);
    }
    for (int64_t block = 0; block != place.columnBlocks(); ++block) {
      std::array<Value, 2> columnSums = place.loadColumns(arguments.weightSums, block, row);
      for (Value &sum : columnSums)
        sum = code.intToFloat(sum);
      group.weightSums.push_back(columnSums);
    }
  }

  /// -2^scaleLog2 z as a float: an integer that is exact there, as are sums of codes.
  Value scaledZero(Value zero) {
    return code.multiplyFloat(code.intToFloat(zero), code.constant(-float(1 << scaleLog2)));
  }

  /// -z as a float, of a zero point of a weight. Narrow ones need no conversion, as sums do not.
  Value negativeZero(Value zero) {
    if (arguments.weightZeroPoints.elementType.getIntOrFloatBitWidth() > 16)
      return code.multiplyFloat(code.intToFloat(zero), code.constant(-1.0f));
    Value bits = code.add(zero, code.constant(int64_t(kernels::floatBitsStart)));
    return code.subtractFloat(code.constant(kernels::floatBitsOffset), code.bitsToFloat(bits));
  }

  std::array<Value, 2> loadRows(Buffer buffer, int64_t block, Value index) {
    auto load = [&](int64_t half) {
      return place.loadInRow(buffer, place.row(block, half), kernel.groups(), index);
    };
    Value first = load(0);
    return {first, load(1)};
  }

  /// Element i of the block's four: two columns of one row, then of the other.
  Value addGroup(Value product, const Group &group, int64_t row, int64_t column, unsigned i,
                 Value sum) {
    Value scale = group.scales[column][i % 2];
    if (arguments.inputZeroPoints && kernel.hasInputGroups)
      product = code.multiplyAdd(group.inputZeroPoints[row][i / 2], group.weightSums[column][i % 2],
                                 product);
    if (arguments.weightZeroPoints)
      product = code.multiplyAdd(group.weightZeroPoints[column][i % 2], inputSums[i / 2], product);
    if (kernel.hasInputGroups)
      scale = code.multiplyFloat(group.inputScales[row][i / 2], scale);
    return code.multiplyAdd(product, scale, sum);
  }

  bool startsAsFloat() const { return accumulator == kernels::Accumulator::FloatBits; }

  Words sumGroup(int64_t row, int64_t column, ArrayRef<StepFragments> left,
                 ArrayRef<StepFragments> right) {
    Words group = groupStart;
    for (auto [leftStep, rightStep] : llvm::zip_equal(left, right))
      for (auto [leftBlocks, rightBlocks] : llvm::zip_equal(leftStep, rightStep))
        group = atom.multiplyAdd(code, leftBlocks[row], rightBlocks[column], group);
    return group;
  }

  /// 2^scaleLog2 times the sums of the group's inputs without their zero points, of two rows: the
  /// columns of a product with a weight of ones, of which a lane has those of its own rows.
  std::array<Value, 2> sumInputs(int64_t row, ArrayRef<StepFragments> left, const Group &group) {
    int64_t one = kernel.weight.storageBits() == 4 ? 0x10101010 : 0x01010101; // or 16 of them
    Value ones = code.constant(atom.form == kernels::MmaForm::Int4 ? int64_t(0x11111111) : one);
    Words total = groupStart, column(2, ones);
    for (const StepFragments &step : left)
      for (const auto &blocks : step)
        total = atom.multiplyAdd(code, blocks[row], column, total);
    std::array<Value, 2> found = {toFloat(total[0]), toFloat(total[2])};
    if (!arguments.inputZeroPoints)
      return found;
    const std::array<Value, 2> &zeros =
        (kernel.hasInputGroups ? group.inputZeroPoints : zeroPointsOfRows)[row];
    for (auto [sum, zero] : llvm::zip(found, zeros))
      sum = code.multiplyAdd(zero, code.constant(float(kernel.groupLength)), sum);
    return found;
  }

  Value toFloat(Value sum) {
    if (!startsAsFloat())
      return code.intToFloat(sum);
    return code.subtractFloat(code.bitsToFloat(sum), code.constant(kernels::floatBitsOffset));
  }

  CodeBuilder &code;
  LinearPlace &place;
  MmaAtom atom;
  const kernels::LinearKernel &kernel;
  kernels::Accumulator accumulator;
  const LinearArguments &arguments;
  unsigned scaleLog2;
  Words groupStart; ///< of an instruction's sums
  SmallVector<std::array<Value, 2>> zeroPointsOfRows;
  std::array<Value, 2> inputSums; ///< of the group and block of rows
  SmallVector<Group, 2> groups;   ///< of the tile
};

} // namespace

std::unique_ptr<Accumulators> qllm::accumulateWhole(CodeBuilder &code, const LinearPlace &place,
                                                    const MmaAtom &atom) {
  return std::make_unique<WholeSums>(code, place, atom);
}

std::unique_ptr<Accumulators>
qllm::accumulateGroups(CodeBuilder &code, LinearPlace &place, const MmaAtom &atom,
                       const kernels::LinearKernel &kernel, kernels::Accumulator accumulator,
                       const LinearArguments &arguments, unsigned scaleLog2) {
  return std::make_unique<GroupSums>(code, place, atom, kernel, accumulator, arguments, scaleLog2);
}
