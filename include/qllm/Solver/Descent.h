// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Coordinate descent on rounded weights: codes that GPTQ has chosen in one pass are chosen again,
// each given all others.

#ifndef QLLM_SOLVER_DESCENT_H
#define QLLM_SOLVER_DESCENT_H

#include "qllm/Solver/Rounding.h"

namespace qllm {

/// Lowers (w - q) H (w - q)^T of every row by going through its columns `sweeps` times, in `order`:
/// the value of column j that minimizes it while the others stay is q_j + ((w - q) H)_j / H_jj, and
/// since the error is quadratic in it, the nearest value of the grid is the best one. A sweep never
/// makes a row worse. GPTQ decides a column before those behind it; this lets it think again
/// (coordinate descent as in QuantEase, arXiv 2309.01885, section 3, started from GPTQ).
/// `hessian` is what GPTQ was given, damping included; scales stay. `rounded` is [rows, columns] and
/// is changed in place. Rows are independent: the same bits for any number of threads.
void descend(ThreadPool &pool, const MatrixF &weight, const RowFormat &format,
             const MatrixF &hessian, llvm::ArrayRef<int64_t> order, int64_t sweeps,
             RoundedMatrix &rounded);

} // namespace qllm

#endif // QLLM_SOLVER_DESCENT_H
