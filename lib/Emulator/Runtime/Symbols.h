// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of the list of runtime functions.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_SYMBOLS_H
#define QLLM_LIB_EMULATOR_RUNTIME_SYMBOLS_H

#include "qllm/Emulator/Runtime/Abi.h"

namespace qllm::emu {

/// What acts on the block of a thread.
void addBlockSymbols(std::vector<RuntimeSymbol> &symbols);
/// Arithmetic.
void addMathSymbols(std::vector<RuntimeSymbol> &symbols);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_SYMBOLS_H
