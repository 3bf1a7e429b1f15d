// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loads of scales and mma.sync with block_scale.

#include "ScaledSums.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The scales of the warp's rows of one side. Lane l has those of row l / 4 + 8 (l % 4) of every 32
/// rows: a block of 16 rows of the left side finds its scales in one half of each four lanes, a
/// block of 8 columns of the right side in one of the four.
class ScaleReader {
public:
  /// `firstRow` of the warp's `rows`, and the last row that there are scales of.
  ScaleReader(CodeBuilder &code, const kernels::BlockScaledKernel &kernel, Value pointer,
              Value lane, Value firstRow, int64_t rows, Value lastRow)
      : code(code), wordsOfRow(kernel.wordsOfRow()), words(rows < 32 ? 1 : rows / 32) {
    const kernels::WeightLayout layout = kernels::WeightLayout::blockScales();
    tileBytes = layout.tileSize();
    // Rows beyond the last have no scales; any will do, as their products are not stored.
    Value tile = code.minimum(code.divide(firstRow, layout.tileRows()),
                              code.divide(lastRow, layout.tileRows()));
    Value inFour = code.shiftLeft(code.bitAnd(lane, 3), 3);
    Value row = code.add(
        firstRow, code.add(code.shiftRight(lane, 2), rows < 32 ? code.bitAnd(inFour, 8) : inFour));
    Value inTile = code.add(code.multiply(code.bitAnd(row, 31), 16),
                            code.multiply(code.bitAnd(code.shiftRight(row, 5), 3), 4));
    Value tileStart = code.multiply(code.extend64(tile), code.constant64(wordsOfRow * tileBytes));
    source = code.advance(code.advance(pointer, tileStart), inTile);
  }

  /// Word `index` of the depth for each 32 rows, appended to `values`; any word past the end, where
  /// all codes are zero.
  void read(Value index, SmallVectorImpl<Value> &values) {
    Value inside = code.minimum(index, code.constant(wordsOfRow - 1));
    Value address = code.advance(source, code.multiply(inside, tileBytes));
    unsigned alignment = unsigned(words * kernels::BlockScaledKernel::wordBytes);
    if (words == 1) {
      values.push_back(code.loadConstant(code.i32(), address, alignment));
      return;
    }
    Value loaded = code.loadConstant(VectorType::get(words, code.i32()), address, alignment);
    for (int64_t i = 0; i != words; ++i)
      values.push_back(code.element(loaded, unsigned(i)));
  }

  int64_t wordsAtATime() const { return words; }

private:
  CodeBuilder &code;
  int64_t wordsOfRow, words, tileBytes;
  Value source;
};

class ScaledSums : public Accumulators {
public:
  ScaledSums(CodeBuilder &code, const LinearPlace &place, const kernels::BlockScaledKernel &kernel,
             ScaleReader left, ScaleReader right)
      : code(code), kernel(kernel), left(left), right(right), rowBlocks(place.rowBlocks()),
        columnBlocks(place.columnBlocks()), count(rowBlocks * columnBlocks * 4) {}

  SmallVector<Value> start() override {
    SmallVector<Value> values(count, code.constant(0.0f));
    readScales(code.constant(int64_t(0)), values);
    return values;
  }

  void beginTile(ValueRange carried, Value tile) override {
    scales = llvm::to_vector(carried.drop_front(count));
    Accumulators::beginTile(carried.take_front(count), tile);
    readScales(code.add(tile, 1), sums);
  }

  void add(int64_t first, ArrayRef<StepFragments> leftSteps,
           ArrayRef<StepFragments> rightSteps) override {
    for (auto [step, fragments] : llvm::enumerate(llvm::zip_equal(leftSteps, rightSteps))) {
      auto &[leftBlocks, rightBlocks] = fragments;
      // 4-bit codes as they are: one instruction for a step.
      for (int64_t row = 0; row != rowBlocks; ++row)
        for (int64_t column = 0; column != columnBlocks; ++column)
          multiplyAdd(first + int64_t(step), row, column, leftBlocks[0][row],
                      rightBlocks[0][column]);
    }
  }

private:
  /// The words of a tile, those of the left side before those of the right side.
  void readScales(Value tile, SmallVectorImpl<Value> &values) {
    Value first = code.multiply(tile, kernel.wordsOfTile());
    for (int64_t word = 0; word != kernel.wordsOfTile(); ++word) {
      left.read(code.add(first, word), values);
      right.read(code.add(first, word), values);
    }
  }

  /// The word for a block of 16 rows or 8 columns; `blocks` of them share one.
  Value wordOf(int64_t step, int64_t block, int64_t blocks, bool isRight) const {
    int64_t ofWord = left.wordsAtATime() + right.wordsAtATime();
    int64_t index = step / kernel.stepsOfWord() * ofWord + block / blocks;
    return scales[index + (isRight ? left.wordsAtATime() : 0)];
  }

  void multiplyAdd(int64_t step, int64_t row, int64_t column, ArrayRef<Value> leftWords,
                   ArrayRef<Value> rightWords) {
    constexpr int64_t rowsOfWord = 2, columnsOfWord = 4; // blocks
    bool fractions = kernel.blockLength == 16;
    // Where two steps share a word, each has two of its bytes.
    Value byte = code.constant16(step % kernel.stepsOfWord() * 2);
    size_t first = size_t(row * columnBlocks + column) * 4;
    Type f32 = code.f32();
    Value result = NVVM::MmaBlockScaleOp::create(
        code.getBuilder(), code.getLoc(),
        LLVM::LLVMStructType::getLiteral(f32.getContext(), {f32, f32, f32, f32}), leftWords,
        rightWords, ArrayRef<Value>(sums).slice(first, 4),
        wordOf(step, row, rowsOfWord, /*isRight=*/false), byte, code.constant16(row % rowsOfWord),
        wordOf(step, column, columnsOfWord, /*isRight=*/true), byte,
        code.constant16(column % columnsOfWord), ArrayRef<int64_t>{16, 8, 64},
        std::array<NVVM::MMATypes, 2>{NVVM::MMATypes::e2m1, NVVM::MMATypes::e2m1},
        fractions ? NVVM::ScaleVecSize::X4 : NVVM::ScaleVecSize::X2,
        fractions ? NVVM::BlockScaleFormat::UE4M3 : NVVM::BlockScaleFormat::UE8M0,
        fractions ? NVVM::MMABlockScaleKind::MXF4NVF4 : NVVM::MMABlockScaleKind::MXF4);
    for (unsigned i = 0; i != 4; ++i)
      sums[first + i] = code.member(result, i);
  }

  CodeBuilder &code;
  const kernels::BlockScaledKernel &kernel;
  ScaleReader left, right;
  int64_t rowBlocks, columnBlocks, count;
  SmallVector<Value> scales; ///< of the tile
};

} // namespace

std::unique_ptr<Accumulators> qllm::accumulateScaled(CodeBuilder &code, const LinearPlace &place,
                                                     const kernels::BlockScaledKernel &kernel,
                                                     Value inputScales, Value weightScales,
                                                     Value rows) {
  const kernels::Schedule &schedule = kernel.codes.schedule;
  ScaleReader left(code, kernel, inputScales, place.lane, code.add(place.tileRow, place.warpRow),
                   schedule.rowsOfWarp(), code.subtract(rows, code.constant(int64_t(1))));
  ScaleReader right(code, kernel, weightScales, place.lane,
                    code.add(place.tileColumn, place.warpColumn), schedule.columnsOfWarp(),
                    code.constant(kernel.codes.columns - 1));
  return std::make_unique<ScaledSums>(code, place, kernel, left, right);
}
