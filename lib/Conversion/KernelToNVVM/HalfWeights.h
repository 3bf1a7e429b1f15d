// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From codes to 16-bit floats, in registers.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_HALFWEIGHTS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_HALFWEIGHTS_H

#include "HalfAtom.h"

namespace qllm {

/// The four signed bytes of a word as pairs of floats, which are exact: the first two, then the
/// others.
Words halvesOfBytes(CodeBuilder &code, kernels::HalfKind kind, mlir::Value word);

/// Turns what a lane loads of a weight in the order of `WeightLayout::halfFragments` into words of
/// tensor instructions: codes minus zero points, which are exact.
///
/// A code is put into the low bits of a float whose last place is 1, so that the float exceeds the
/// code by a power of two; signed codes have their sign flipped, and exceed it by half their range
/// more. One addition takes both off, and the zero point. A code four bits further up stands for 16
/// times its value, which a multiply-add takes back. bf16 has no room for that: its codes are
/// shifted, and stand for twice their value, as a multiplication by one half is what makes the
/// addition a multiply-add, which all targets have. Its codes of eight bits have no zero points,
/// and are `halvesOfBytes`.
class HalfWeights {
public:
  /// Built before the loop; `rows` is the number of rows of the product.
  HalfWeights(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel, mlir::Value rows);

  /// What is added to floats with codes in their bits: where these are in place, and further up.
  struct Offset {
    mlir::Value low, high;
  };
  /// For a zero point of type i32, or null for none.
  Offset offsetOf(mlir::Value zeroPoint);

  /// Steps of 16 whose codes are in one vector of 16 bytes.
  int64_t stepsOfVector() const { return kernel.layout().tileColumns() / 16; }
  /// The two words for block `block` (0 or 1) of eight columns and a step of the vector.
  Words unpack(mlir::Value vector, unsigned block, int64_t step, const Offset &offset);

private:
  bool isF16() const { return kernel.input == kernels::HalfKind::F16; }
  mlir::Type pairType();
  mlir::Value constantPair(float value);
  mlir::Value pairOf(mlir::Value value);
  Words unpackNibbles(mlir::Value word, int64_t step, const Offset &offset);
  Words unpackBytes(mlir::Value word, const Offset &offset);
  mlir::Value place(mlir::Value word, int64_t mask, mlir::Value magic);

  CodeBuilder &code;
  const kernels::WeightOnlyKernel &kernel;
  mlir::Value magic, magicAbove; ///< for codes in place, and for those further up
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_HALFWEIGHTS_H
