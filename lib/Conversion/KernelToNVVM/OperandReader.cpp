// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrix loads, vector loads, and half bytes to bytes.

#include "OperandReader.h"

#include "TileLoader.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Kernels/WeightLayout.h"

using namespace mlir;
using namespace qllm;

UnpackedWord qllm::unpackHalves(CodeBuilder &code, Value word) {
  constexpr int64_t upperHalves = 0xf0f0f0f0;
  return {code.bitAnd(code.shiftLeft(word, 4), upperHalves), code.bitAnd(word, upperHalves)};
}

namespace {

/// A step of packed codes takes two instructions on bytes: the lower halves of all words are one,
/// the upper the other. As both operands are split the same way, each instruction multiplies codes
/// of the same k.
StepFragments splitHalves(CodeBuilder &code, ArrayRef<Words> blocks) {
  StepFragments slices(2);
  for (const Words &words : blocks) {
    Words low, high;
    for (Value word : words) {
      UnpackedWord unpacked = unpackHalves(code, word);
      low.push_back(unpacked.low);
      high.push_back(unpacked.high);
    }
    slices[0].push_back(low);
    slices[1].push_back(high);
  }
  return slices;
}

/// Four 8x8 matrices of 16-bit units at a time: 16 rows of 32 bytes.
class RowReader : public OperandReader {
public:
  /// The row and the half of the 32 bytes that a lane gives the address of.
  struct LaneAddress {
    Value row, half;
  };

  RowReader(CodeBuilder &code, const ReadOperand &operand, LaneAddress lane, unsigned blocksOfLoad)
      : code(code), operand(operand), blocksOfLoad(blocksOfLoad) {
    Value row = code.add(operand.firstRow, lane.row);
    // The swizzle makes the address of a step no multiple of the first one's.
    for (int64_t piece = 0; piece != operand.tile.piecesPerRow(); piece += 2)
      steps.push_back(
          code.advance(operand.shared, pieceOffset(code, operand.tile, /*swizzled=*/true, row,
                                                   code.add(lane.half, piece))));
  }

  StepFragments read(Value stageOffset, int64_t step) override {
    SmallVector<Words> blocks;
    Value address = code.advance(steps[step], stageOffset);
    for (int64_t row = 0; row != operand.rows; row += 16) {
      Words words = loadMatrices(code.advance(address, row * operand.tile.rowBytes));
      unsigned wordsOfBlock = 4 / blocksOfLoad;
      for (unsigned block = 0; block != blocksOfLoad; ++block)
        blocks.emplace_back(ArrayRef<Value>(words).slice(block * wordsOfBlock, wordsOfBlock));
    }
    return operand.unpacked ? splitHalves(code, blocks) : StepFragments{blocks};
  }

private:
  Words loadMatrices(Value address) {
    MLIRContext *context = code.i32().getContext();
    Type i32 = code.i32();
    auto type = LLVM::LLVMStructType::getLiteral(context, {i32, i32, i32, i32});
    Value loaded = NVVM::LdMatrixOp::create(
        code.getBuilder(), code.getLoc(), type, address, 4u, NVVM::MMALayout::row,
        NVVM::LdStMatrixShapeAttr::get(context, 8, 8), NVVM::LdStMatrixEltType::B16);
    Words words;
    for (unsigned i = 0; i != 4; ++i)
      words.push_back(code.member(loaded, i));
    return words;
  }

  CodeBuilder &code;
  ReadOperand operand;
  unsigned blocksOfLoad;
  SmallVector<Value> steps;
};

/// 16 bytes a lane: two blocks of eight columns by two steps.
class FragmentReader : public OperandReader {
public:
  FragmentReader(CodeBuilder &code, const ReadOperand &operand)
      : code(code), operand(operand), layout(kernels::WeightLayout::int4Fragments()) {
    Value row = code.divide(operand.firstRow, layout.tileRows());
    address = code.advance(operand.shared, code.add(code.multiply(row, operand.tile.rowBytes),
                                                    code.multiply(operand.lane, 16)));
  }

  StepFragments read(Value stageOffset, int64_t step) override {
    if (step % 2 == 0)
      load(stageOffset, step / 2);
    SmallVector<Words> blocks;
    for (Value vector : vectors)
      for (unsigned block = 0; block != 2; ++block) {
        UnpackedWord word = unpackHalves(code, code.element(vector, block * 2 + step % 2));
        blocks.push_back({word.low, word.high});
      }
    return {blocks};
  }

private:
  void load(Value stageOffset, int64_t tileOfRow) {
    vectors.clear();
    Value from =
        code.advance(code.advance(address, stageOffset), tileOfRow * layout.tileSize() / 2);
    Type type = VectorType::get(4, code.i32());
    for (int64_t row = 0; row != operand.rows / layout.tileRows(); ++row)
      vectors.push_back(code.load(type, code.advance(from, row * operand.tile.rowBytes), 16));
  }

  CodeBuilder &code;
  ReadOperand operand;
  kernels::WeightLayout layout;
  Value address;
  SmallVector<Value> vectors;
};

} // namespace

std::unique_ptr<OperandReader> qllm::readLeftRows(CodeBuilder &code, const ReadOperand &operand) {
  // Matrices in the order of an instruction's words: rows 0-7 and 8-15 of the first half, then of
  // the second.
  RowReader::LaneAddress lane{code.bitAnd(operand.lane, 15), code.shiftRight(operand.lane, 4)};
  return std::make_unique<RowReader>(code, operand, lane, 1);
}

std::unique_ptr<OperandReader> qllm::readRightRows(CodeBuilder &code, const ReadOperand &operand) {
  // Both halves of columns 0-7, then of columns 8-15.
  Value row =
      code.add(code.bitAnd(operand.lane, 7), code.shiftLeft(code.shiftRight(operand.lane, 4), 3));
  RowReader::LaneAddress lane{row, code.bitAnd(code.shiftRight(operand.lane, 3), 1)};
  return std::make_unique<RowReader>(code, operand, lane, 2);
}

std::unique_ptr<OperandReader> qllm::readRightFragments(CodeBuilder &code,
                                                        const ReadOperand &operand) {
  return std::make_unique<FragmentReader>(code, operand);
}
