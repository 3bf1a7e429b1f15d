// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Randomised Hadamard rotations as channel maps.

#ifndef QLLM_SOLVER_HADAMARDMAP_H
#define QLLM_SOLVER_HADAMARDMAP_H

#include "qllm/Solver/ChannelMap.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace qllm {

/// x -> x diag(signs) H on blocks of `block` channels, 0 for the largest block that divides them and
/// has a Hadamard matrix: a scale by the signs, where there is a seed, and a rotation with a dense
/// and a doubled factor (576 = H36 with stride 16, and H16). Fails on a block that does not divide the
/// channels or has none, naming those that do.
llvm::Expected<std::vector<ChannelMap>> hadamardMaps(int64_t channels, int64_t block,
                                                     std::optional<uint64_t> seed);

} // namespace qllm

#endif // QLLM_SOLVER_HADAMARDMAP_H
