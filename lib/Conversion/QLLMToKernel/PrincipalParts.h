// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is taken off a tensor before it is quantized, and carried past its products in eight bits.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_PRINCIPALPARTS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_PRINCIPALPARTS_H

#include "ConstantValues.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// rest = x - P^T z with z = Q(P x): `thin` gives P x, `codes` are z and `back` gives P^T z.
struct PrincipalPart {
  LinearOp thin, back;
  QuantizeOp codes;
  onnx::SubOp rest;

  explicit operator bool() const { return bool(rest); }
  mlir::Value input() { return rest.getA(); }
  PackOp directions() { return thin.getWeight().getDefiningOp<PackOp>(); }
  /// Rows of P, filled up to what kernels take.
  int64_t rank();
  /// Products of z that are added past the main ones, of those that kernels can add.
  llvm::SmallVector<LinearOp> wideProducts();
};

/// The part that was taken off to give `x`, of which nobody else reads a step, with directions and
/// codes that kernels take: symmetric, of eight bits, with a scale for each row. Null where there
/// is none.
PrincipalPart matchPrincipalPart(mlir::Value x);

/// P as qk.quantize reads it, constants in the order of fragments.
struct DirectionOperands {
  mlir::Value directions, transposed, scales;

  explicit operator bool() const { return bool(directions); }
};

/// Null where P is no constant.
DirectionOperands directionOperands(mlir::OpBuilder &builder, PrincipalPart part,
                                    ConstantValues &constants);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_PRINCIPALPARTS_H
