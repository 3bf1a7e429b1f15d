// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels that go over rows of activations have in common: where a row comes from, and what is
// done to it before it is quantized.

#ifndef QLLM_DIALECT_KERNEL_IR_ROWSOURCE_H
#define QLLM_DIALECT_KERNEL_IR_ROWSOURCE_H

#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm::qk {

/// Operands and attributes of such an operation, and the `stream` that it stores; null where they
/// are absent. The steps are those of qk.quantize, in the order of these members.
struct RowSource {
  mlir::Operation *op;
  mlir::Value input, residual, stream;
  std::optional<NormKind> norm;
  std::optional<llvm::APFloat> epsilon;
  mlir::Value normWeight, normBias, gate, index, multiply, add;
  int64_t hadamard; ///< 1 for none

  /// Of a row that was read, and of what became of it; dynamic where the operation is not verified.
  int64_t columns() const;
  int64_t resultColumns() const;
};

template <typename Op> RowSource rowSourceOf(Op op) {
  return {op,
          op.getInput(),
          op.getResidual(),
          op.getStream(),
          op.getNorm(),
          op.getEpsilon(),
          op.getNormWeight(),
          op.getNormBias(),
          op.getGate(),
          op.getIndex(),
          op.getMultiply(),
          op.getAdd(),
          op.getHadamard() ? int64_t(*op.getHadamard()) : 1};
}

} // namespace qllm::qk

#endif // QLLM_DIALECT_KERNEL_IR_ROWSOURCE_H
