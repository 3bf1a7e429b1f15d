// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What types allow and no computation can use: models from outside are checked for it where they
// are read.

#ifndef QLLM_ANALYSIS_OPERANDCHECKS_H
#define QLLM_ANALYSIS_OPERANDCHECKS_H

#include "mlir/IR/BuiltinOps.h"

namespace qllm {

/// Fails with one error, at the operation and with the names of its node and of the tensor, unless
///
/// - stored scales of QuantizeLinear, DequantizeLinear, MatMulNBits, `qllm.pack` and
/// `qllm.quantize` are finite, and
///   those that divide are not zero. Zero and negative factors are odd, but numbers;
/// - scales of QuantizeLinear and DequantizeLinear have the shape that axis and block size ask for,
/// and zero points the
///   shape of the scales and the type of the codes, as far as types say;
/// - conditions of If and Loop, those that a body computes too, are one truth value, and trip
/// counts one i64.
///
/// Reads the scales, and nothing else of the weights. Those that cannot be read are left to their
/// readers.
llvm::LogicalResult checkOperands(mlir::ModuleOp module);

} // namespace qllm

#endif // QLLM_ANALYSIS_OPERANDCHECKS_H
