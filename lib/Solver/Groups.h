// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks over the groups of a matrix in parallel; whatever fails first in their order is the error.

#ifndef QLLM_LIB_SOLVER_GROUPS_H
#define QLLM_LIB_SOLVER_GROUPS_H

#include "qllm/Solver/RowFormat.h"
#include "qllm/Support/Matrix.h"
#include "qllm/Support/ThreadPool.h"
#include "llvm/Support/Error.h"
#include <algorithm>

namespace qllm::detail {

/// One group of a row: columns [begin, begin + length).
struct GroupPlace {
  int64_t row, group, begin, length;
};

/// Calls body(place) for every group of every row.
template <typename Body>
llvm::Error forEachGroup(ThreadPool &pool, const MatrixF &matrix, const RowFormat &format,
                         Body body) {
  int64_t columns = matrix.columns(), length = std::max<int64_t>(1, format.groupLength(columns));
  int64_t grain = std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(1, columns));
  std::vector<FormatStatus> statuses(size_t((matrix.rows() + grain - 1) / grain));
  pool.forRange(matrix.rows(), grain, [&](int64_t begin, int64_t end) {
    FormatStatus status;
    for (int64_t row = begin; row < end && status; ++row)
      for (int64_t first = 0; first < columns && status; first += length)
        status = body(GroupPlace{row, first / length, first, std::min(length, columns - first)});
    statuses[size_t(begin / grain)] = std::move(status);
  });
  for (const FormatStatus &status : statuses)
    if (!status)
      return llvm::createStringError(status.message());
  return llvm::Error::success();
}

} // namespace qllm::detail

#endif // QLLM_LIB_SOLVER_GROUPS_H
