// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What products of warpgroups do to registers, which single patterns cannot see.

#ifndef QLLM_LIB_EMULATOR_LOWERING_MATRIXREGISTERS_H
#define QLLM_LIB_EMULATOR_LOWERING_MATRIXREGISTERS_H

#include "HostLowering.h"

namespace qllm::emu {

/// Set on products that take registers which were written after the last wgmma.fence.
inline constexpr llvm::StringLiteral kUnfencedAttribute = "emu.unfenced";

/// Before the patterns: finds such products, and gives results of products a place in memory where
/// they live across a wait.
void prepareMatrixRegisters(mlir::Operation *module, HostLowering &host);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_LOWERING_MATRIXREGISTERS_H
