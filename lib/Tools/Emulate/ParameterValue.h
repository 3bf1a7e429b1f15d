// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Numbers of launch descriptions in the types of a kernel's parameters.

#ifndef QLLM_LIB_TOOLS_EMULATE_PARAMETERVALUE_H
#define QLLM_LIB_TOOLS_EMULATE_PARAMETERVALUE_H

#include "qllm/Emulator/JIT.h"
#include "llvm/Support/JSON.h"

namespace qllm::tool {

/// The bits that the parameter has with `number`, or nothing when its type does not hold that
/// number. Integers are taken as they are, signed or not; floats are rounded to nearest.
std::optional<uint64_t> encodeNumber(const llvm::json::Value &number,
                                     const emu::Parameter &parameter);

/// `i32`, `bf16`, `a pointer`.
std::string parameterTypeName(const emu::Parameter &parameter);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_PARAMETERVALUE_H
