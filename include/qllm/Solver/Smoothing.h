// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scale migration: difficulty moves from activations to weights, channel by channel
// (SmoothQuant, arXiv 2211.10438, equation 4).

#ifndef QLLM_SOLVER_SMOOTHING_H
#define QLLM_SOLVER_SMOOTHING_H

#include "qllm/Support/Matrix.h"

namespace qllm {

/// Largest magnitude of each column.
std::vector<float> columnMaxima(const MatrixF &matrix);

/// c_j = max|X_j|^alpha / max|W_:j|^(1 - alpha): the input is divided by c, columns of the weight
/// are multiplied. Maxima are at least 1e-5 and factors at least 1e-4, so that dead channels stay
/// finite.
std::vector<float> smoothingFactors(llvm::ArrayRef<float> inputMaxima,
                                    llvm::ArrayRef<float> weightMaxima, double alpha);

} // namespace qllm

#endif // QLLM_SOLVER_SMOOTHING_H
