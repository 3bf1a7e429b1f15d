// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantization of activations as the finished model does it, on matrices.

#ifndef QLLM_SOLVER_INPUTQUANTIZER_H
#define QLLM_SOLVER_INPUTQUANTIZER_H

#include "qllm/Solver/RowFormat.h"
#include "qllm/Support/Matrix.h"

namespace qllm {

class ThreadPool;

/// x^ for given values, as `qllm.split_channels` and `qllm.quantize` compute it, with the copies of
/// a channel added up: channel j is carried by parts[j] copies of x_j / parts[j] (`parts` empty:
/// one each), groups run over the copies, a group's range times `clip` gives its scale.
///
/// With s and z of the group, T copies of one channel that lie in one group amount to
///   identical copies: T s (clamp(round(x / (T s)) + z) - z)
///   `offsets`:        s clamp(round(x / s), (lowest - z) T, (highest - z) T)
/// the second by Hermite's identity: the sum over t of round(y / T + (2t + 1 - T) / 2T) is
/// round(y). Offsets are for integers; other formats ignore them. A row (or the matrix, for
/// `perTensor` and formats with a tensor scale) that is not finite becomes NaN.
MatrixF quantizeInput(ThreadPool &pool, const MatrixF &values, const RowFormat &format,
                      llvm::ArrayRef<int64_t> parts, bool offsets, float clip);

/// Mean over rows of |x^ - x|^2 / |x|^2: how much of a tensor its own quantizer loses, for values
/// that no linear layer reads (keys and values of attention).
double relativeError(const MatrixF &values, const MatrixF &quantized);

} // namespace qllm

#endif // QLLM_SOLVER_INPUTQUANTIZER_H
