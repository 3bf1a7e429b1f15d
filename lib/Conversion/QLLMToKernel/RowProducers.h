// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a tensor comes from that is quantized: a residual addition, a norm or a gate.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_ROWPRODUCERS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_ROWPRODUCERS_H

#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// Operands of a kernel that quantizes, found backwards, step by step.
class RowProducers {
public:
  /// What comes before `x`, from which `op` gets its channels, and which `readers` operations read.
  RowProducers(QuantizeOp op, mlir::Value x, unsigned readers);

  mlir::Value input, gate, weight, bias, residual;
  std::optional<qk::NormKind> norm;
  mlir::FloatAttr epsilon;
  onnx::AddOp stream; ///< whose result the kernel stores as well

private:
  bool matchGate();
  bool matchNorm();
  void setNorm(qk::NormKind kind, mlir::Value x, mlir::Value scale, mlir::Value shift,
               mlir::FloatAttr given);
  void matchResidual();

  QuantizeOp op;
  mlir::Value channels;
  unsigned readers;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_ROWPRODUCERS_H
