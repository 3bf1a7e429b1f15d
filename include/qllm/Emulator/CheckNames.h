// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names of groups of checks, as users give them.

#ifndef QLLM_EMULATOR_CHECKNAMES_H
#define QLLM_EMULATOR_CHECKNAMES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace qllm::emu {

/// The bits of `Check` for `bounds`, `races`, `traffic`, `all`, `none`; all without names. Any
/// check needs that of bounds. Nothing for another name.
std::optional<uint32_t> parseChecks(llvm::ArrayRef<llvm::StringRef> names);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_CHECKNAMES_H
