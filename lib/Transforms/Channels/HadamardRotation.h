// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A randomised Hadamard rotation as channel operations.

#ifndef QLLM_LIB_TRANSFORMS_CHANNELS_HADAMARDROTATION_H
#define QLLM_LIB_TRANSFORMS_CHANNELS_HADAMARDROTATION_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Numerics/Hadamard.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// x -> x diag(signs) H on every block of channels. Its constants are made once, at the start of
/// the block of operations that it is used in.
class HadamardRotation {
public:
  /// For `channels` channels in blocks of `block`; 0 takes the largest block that divides them.
  /// With a seed the signs are random, the same for every block if `sameSigns`; without one all
  /// are 1. Fails if there is no Hadamard matrix of that size or it does not divide the channels.
  static llvm::Expected<HadamardRotation>
  create(int64_t channels, int64_t block, std::optional<uint64_t> seed, bool sameSigns = false);

  int64_t channels() const { return width; }
  int64_t block() const { return size.dense * size.doubled; }
  /// "H36 x H16"
  std::string describe() const;

  /// T(x), or x = T(y) solved for x with `inverse`. The last axis of `x` is a multiple of the block
  /// and, with signs that differ between blocks, `channels`.
  mlir::Value apply(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value x,
                    bool inverse = false);
  /// Right behind `x` and the constants of the rotation.
  mlir::OpBuilder builderAfter(mlir::Value x);
  /// The same on the rows of a matrix.
  mlir::Value applyToRows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value matrix);

private:
  mlir::Value signsFor(mlir::Location loc, mlir::Value x);
  mlir::Value denseFor(mlir::Location loc, mlir::Value x);

  int64_t width = 0;
  HadamardSize size;
  std::vector<float> signs;
  mlir::Value signVector, denseMatrix;
};

/// Feeds the layers the rotated value instead of `x`; their weights take the rotation over.
/// `rotated` is T(x).
void rotateReaders(HadamardRotation &rotation, mlir::Value rotated,
                   llvm::ArrayRef<LinearOp> layers);

/// The float weight is a constant expression of two dimensions.
bool hasFloatWeight(LinearOp linear);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_CHANNELS_HADAMARDROTATION_H
