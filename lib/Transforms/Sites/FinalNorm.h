// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The norm in front of the head, fitted to the float model in closed form. QLLM (arXiv 2310.08041)
// tunes its gain and a new bias by gradients, to the same end: the least squared distance of its
// outputs.

#ifndef QLLM_LIB_TRANSFORMS_SITES_FINALNORM_H
#define QLLM_LIB_TRANSFORMS_SITES_FINALNORM_H

#include "qllm/Calibration/Sites.h"
#include "qllm/Interpreter/OperationRunner.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// The last RMSNormalization or LayerNormalization over the last axis that no site of `sites` reads
/// and that lies behind all of them; null if there is none.
mlir::Operation *findFinalNorm(mlir::func::FuncOp function, llvm::ArrayRef<Site> sites);

/// Rewrites the norm so that its outputs on the calibration rows, `actual`, come as near as a gain
/// and a bias for each channel can bring them to `wanted`.
llvm::Error fitFinalNorm(mlir::Operation *norm, interp::OperationRunner &runner,
                         const MatrixF &actual, const MatrixF &wanted);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_SITES_FINALNORM_H
