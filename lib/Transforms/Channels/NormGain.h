// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RMS norms and the layers that read them.

#ifndef QLLM_LIB_TRANSFORMS_CHANNELS_NORMGAIN_H
#define QLLM_LIB_TRANSFORMS_CHANNELS_NORMGAIN_H

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include <optional>
#include <string>

namespace qllm {

/// Why the gain cannot move into the layers behind; nothing where `layers` were found that can take
/// it. Layers that share their table take nothing unless `untie`.
std::optional<std::string> findGainReaders(onnx::RMSNormalizationOp norm, bool untie,
                                           llvm::SmallVectorImpl<LinearOp> &layers);

/// Moves the gain into the layers; ones stay behind.
void foldGain(onnx::RMSNormalizationOp norm, llvm::ArrayRef<LinearOp> layers);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_CHANNELS_NORMGAIN_H
