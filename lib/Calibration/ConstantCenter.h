// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mean as one constant for all positions, right in front of a quantizer.

#ifndef QLLM_LIB_CALIBRATION_CONSTANTCENTER_H
#define QLLM_LIB_CALIBRATION_CONSTANTCENTER_H

#include "QuantizerPaths.h"
#include "qllm/Calibration/CenterAttention.h"

namespace qllm {

/// Whether these are keys whose scores go into a softmax and nowhere else. It does not see a
/// constant taken off every key, which moves all scores of a query alike.
bool feedsOnlySoftmax(DequantizeOp keys);

/// Takes d, the mean over positions of A m for the `mean` m of what the path begins at, off keys
/// between the path and its quantizer: quantize(A y - d). Returns why that cannot be, in which case
/// nothing was changed; empty when it was done.
mlir::FailureOr<std::string> subtractConstant(const QuantizerPath &path, llvm::ArrayRef<float> mean,
                                              AverageRow averageRow);

} // namespace qllm

#endif // QLLM_LIB_CALIBRATION_CONSTANTCENTER_H
