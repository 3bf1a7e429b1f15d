// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of floats and codes on tensor instructions: the floats as sums of two bf16, the codes
// exactly.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_SPLITFRAGMENTS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_SPLITFRAGMENTS_H

#include "MmaAtom.h"

namespace qllm {

/// The left operand of a step of m16n8k16: 4 words of bf16 pairs, and 4 more of what the first ones
/// leave over. `rest` is empty where it is known to be nothing. Two words instead of four are rows
/// 0 to 7 alone.
struct SplitWords {
  Words nearest, rest;

  /// Whether `rest` takes the rows of an instruction that `nearest` leaves free.
  bool sharesInstruction() const { return nearest.size() == 2 && !rest.empty(); }

  llvm::SmallVector<llvm::ArrayRef<mlir::Value>, 2> parts() const {
    if (rest.empty())
      return {nearest};
    return {nearest, rest};
  }
};

/// Pairs of floats to a word each.
SplitWords splitPairs(CodeBuilder &code, llvm::ArrayRef<std::array<mlir::Value, 2>> pairs,
                      bool isExact);

/// Four unsigned codes c, one in each byte of a word, as pairs of the bf16 -c: the two words of the
/// right operand. Codes are below 16, or any byte. Their sign would take an
/// instruction; that of what they are multiplied by takes none.
Words negatedCodes(CodeBuilder &code, mlir::Value word, unsigned bits);

/// The codes of a step, one in each byte, of words that hold codes of 4 or 8 bits. With 4 bits a
/// word has two steps: the even and the odd codes.
mlir::Value codesOfStep(CodeBuilder &code, llvm::ArrayRef<mlir::Value> words, int64_t step,
                        unsigned bits);

/// sums + left * right, for the four f32 of a lane, or its two of rows 0 to 7. Between `startSums`
/// and `finishSums` there may be any number of products; sums of `rest` are apart there where it
/// shares an instruction.
Words startSums(CodeBuilder &code, const SplitWords &left, llvm::ArrayRef<mlir::Value> sums);
Words multiplyAdd(CodeBuilder &code, const SplitWords &left, llvm::ArrayRef<mlir::Value> right,
                  llvm::ArrayRef<mlir::Value> sums);
Words finishSums(CodeBuilder &code, const SplitWords &left, llvm::ArrayRef<mlir::Value> sums);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_SPLITFRAGMENTS_H
