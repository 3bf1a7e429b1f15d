// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scales between queries and keys that no product of theirs sees: q s and k / s.

#ifndef QLLM_CALIBRATION_BALANCEHEADS_H
#define QLLM_CALIBRATION_BALANCEHEADS_H

#include "qllm/Calibration/Sites.h"
#include <string>

namespace qllm {

/// Multiplies rows of the weights (and biases) of the query layer of `state` by s and divides those
/// of the key layer by it, one s for each pair of channels that a rotary embedding turns together
/// and each key head, which is exact. Rounding q with an error alike in all channels costs scores
/// |q - mean|^2 |k|^2 per channel energy, and rounding k the same: both are least where q s and k /
/// s have the same energy in every pair (by Cauchy and Schwarz, as in `balanceMap`), hence
///   s^2 = rms(k - mean) / rms(q - mean) over the pair, the tokens and the heads of the group.
/// Returns why nothing was done, or an empty string: queries and keys must come from two layers of
/// the site and reach an onnx.Attention through reshapes, a rotary embedding (or none), rotations
/// and run-time quantizers.
std::string balanceHeads(const Site &site, SiteState &state);

} // namespace qllm

#endif // QLLM_CALIBRATION_BALANCEHEADS_H
