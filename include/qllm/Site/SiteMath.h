// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What several steps compute from a site: how far its output is from what is wanted.

#ifndef QLLM_SITE_SITEMATH_H
#define QLLM_SITE_SITEMATH_H

#include "qllm/Site/SiteState.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// left^T D [columns of left, sum of rows], D the wanted output minus what `weight` makes of the
/// quantized input (with the principal part and the bias as they are). The wanted output:
///   None       x^ W^T                     (what is lost is the rounding of the weight alone)
///   Local      (x1 - z P) W^T             W is `mappedWeight`
///   Reference  x_float W0^T + b - (output bias) - z U^T          W0, b: the model's own
///   Residual   the same + `residualLoss`
/// Only second moments of the data are formed, never the outputs. `left` has a row for each token.
/// An error when the state lacks the reference that the kind needs.
llvm::Expected<MatrixD> momentOfError(SiteState &state, TargetKind kind, const MatrixF &left,
                                      const MatrixD &weight);

/// `presentWeight` with the branch added.
MatrixD effectiveWeight(const SiteState &state);

/// Whether there is anything on the diagonal: a site that calibration never feeds has nothing to be
/// fitted to. A NaN counts, so that it is found and named later.
bool hasEnergy(const MatrixD &moment);

/// Every `stride`-th row.
MatrixF everyRow(const MatrixF &matrix, int64_t stride);

/// Rounds `target` minus the branch as `range` and `rounding` say, product by product, into
/// `rounded`. Products without a format keep their values.
llvm::Error roundTarget(SiteState &state);

} // namespace qllm

#endif // QLLM_SITE_SITEMATH_H
