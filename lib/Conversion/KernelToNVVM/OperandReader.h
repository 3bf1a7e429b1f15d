// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From shared memory to what tensor instructions multiply.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_OPERANDREADER_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_OPERANDREADER_H

#include "MmaAtom.h"

#include <memory>

namespace qllm {

/// The fragments of one step: for each tensor instruction that the step takes, the words of every
/// block of the warp's tile. A block has 16 rows of the left operand or 8 columns of the right.
using StepFragments = llvm::SmallVector<llvm::SmallVector<Words>>;

/// The half bytes of a word in the upper halves of bytes, where they stand for 16 times the code,
/// signed or not.
struct UnpackedWord {
  mlir::Value low, high;
};
UnpackedWord unpackHalves(CodeBuilder &code, mlir::Value word);

/// Reads one operand of the warp's tile. Built before the loop.
class OperandReader {
public:
  virtual ~OperandReader() = default;
  /// The fragments of a step of the tile in the stage at `stageOffset`. Steps of a tile are read in
  /// order.
  virtual StepFragments read(mlir::Value stageOffset, int64_t step) = 0;
};

/// Where a reader finds its operand.
struct ReadOperand {
  kernels::OperandTile tile;
  mlir::Value shared; ///< shared memory of the operand in stage 0
  mlir::Value lane;
  mlir::Value firstRow; ///< of the warp's part of the tile
  int64_t rows;         ///< of the warp's part; those of the weight are columns of the product
  bool unpacked;        ///< whether half bytes become bytes of 16 times the code
};

/// Rows of codes, by matrix loads from swizzled tiles.
std::unique_ptr<OperandReader> readLeftRows(CodeBuilder &code, const ReadOperand &operand);
std::unique_ptr<OperandReader> readRightRows(CodeBuilder &code, const ReadOperand &operand);
/// 4-bit codes that lie in the order of fragments (`WeightLayout::int4Fragments`), by vector loads.
/// `firstRow` and `rows` count columns of the product.
std::unique_ptr<OperandReader> readRightFragments(CodeBuilder &code, const ReadOperand &operand);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_OPERANDREADER_H
