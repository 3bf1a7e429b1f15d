// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights of finished sites as constants.

#ifndef QLLM_LIB_CALIBRATION_SITEWEIGHTS_H
#define QLLM_LIB_CALIBRATION_SITEWEIGHTS_H

#include "mlir/IR/Builders.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Site/SiteState.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// Column j `parts[j]` times, which is what a consumer of split channels does; as it is without
/// parts.
MatrixF repeatColumns(const MatrixF &matrix, llvm::ArrayRef<int64_t> parts);

/// The codes, scales and zero points of one product for split channels. `type` is that of the
/// unsplit weight. Fails where copies of channels move elements into other groups.
llvm::Expected<QuantizedParts> splitParts(const SiteState &state, const SiteProduct &product,
                                          size_t index, QuantizedType type);

/// Rows [first, first + count).
MatrixF rowsOf(const MatrixF &matrix, int64_t first, int64_t count);

/// A low-rank factor as it is stored: floats, or symmetric integer rows.
llvm::Expected<mlir::Value> createFactor(mlir::OpBuilder &builder, mlir::Location loc,
                                         const MatrixF &values, int64_t bits,
                                         const llvm::Twine &name);

} // namespace qllm

#endif // QLLM_LIB_CALIBRATION_SITEWEIGHTS_H
