// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Descent.h"
#include "GroupRounder.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"

using namespace qllm;
using detail::GroupRounder;
using detail::roundersOfRow;

namespace {

/// One sweep over a row. `gradient` is (w - q) H and is kept so. Returns whether a code changed.
bool sweepRow(llvm::ArrayRef<GroupRounder> rounders, int64_t groupLength, const MatrixF &hessian,
              llvm::ArrayRef<int64_t> order, llvm::MutableArrayRef<float> gradient, uint8_t *codes,
              float *values) {
  bool changed = false;
  for (int64_t j : order) {
    float curvature = hessian(j, j);
    if (!(curvature > 0))
      continue;
    uint8_t code;
    float best =
        rounders[size_t(j / groupLength)].round(values[j] + gradient[size_t(j)] / curvature, code);
    float step = best - values[j];
    if (step == 0)
      continue;
    changed = true;
    values[j] = best;
    codes[j] = code;
    const float *column = hessian.row(j); // symmetric
    for (size_t l = 0; l < gradient.size(); ++l)
      gradient[l] -= step * column[l];
  }
  return changed;
}

} // namespace

void qllm::descend(ThreadPool &pool, const MatrixF &weight, const RowFormat &format,
                   const MatrixF &hessian, llvm::ArrayRef<int64_t> order, int64_t sweeps,
                   RoundedMatrix &rounded) {
  int64_t rows = weight.rows(), columns = weight.columns();
  MatrixF difference(rows, columns), gradients(rows, columns);
  for (int64_t i = 0; i < difference.size(); ++i)
    difference.data()[i] = weight.data()[i] - rounded.values.data()[i];
  matmul(pool, rows, columns, columns, 1, {difference.data(), columns, false},
         {hessian.data(), columns, false}, 0, gradients.data(), columns);
  int64_t length = std::max<int64_t>(1, format.groupLength(columns));
  pool.forRange(rows, 16, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      std::vector<GroupRounder> rounders = roundersOfRow(format.spec, rounded.scales, row);
      for (int64_t sweep = 0; sweep < sweeps; ++sweep)
        if (!sweepRow(rounders, length, hessian, order, gradients.rowValues(row),
                      rounded.codes.row(row), rounded.values.row(row)))
          break;
    }
  });
}
