// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keys with a static range for each channel, quantized in front of the rotary embedding.

#ifndef QLLM_CALIBRATION_STATICKEYS_H
#define QLLM_CALIBRATION_STATICKEYS_H

#include "mlir/IR/Value.h"
#include "mlir/Support/LogicalResult.h"
#include <vector>

namespace qllm {

/// Lowest and highest value of each channel of a layer's output over the calibration tokens.
struct ChannelRanges {
  std::vector<float> lowest, highest;
};

/// If `produced` [.., tokens, channels] becomes the keys of an attention operator behind a run-time
/// quantizer, that quantizer goes and `produced` is quantized instead, in the same element format,
/// with a scale (and zero point) for each channel from `ranges` times the quantizer's clip. Keys
/// have channels that are large for all tokens (KVQuant, arXiv 2401.18079, section 3.1; KIVI,
/// arXiv 2402.02750, section 3), before the rotary embedding mixes them in pairs. A cache
/// then holds keys as they are before it. Returns whether there were such keys; an error, after a
/// diagnostic, where a range is not finite.
mlir::FailureOr<bool> quantizeKeysByChannel(mlir::Value produced, const ChannelRanges &ranges);

/// Whether `produced` is read by such a quantizer alone.
bool isStaticKeys(mlir::Value produced);

} // namespace qllm

#endif // QLLM_CALIBRATION_STATICKEYS_H
