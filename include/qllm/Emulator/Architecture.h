// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What launches take from the capability table of GPU targets, which the runtime does not know.

#ifndef QLLM_EMULATOR_ARCHITECTURE_H
#define QLLM_EMULATOR_ARCHITECTURE_H

#include "qllm/Emulator/Runtime/Launch.h"
#include "llvm/ADT/StringRef.h"

namespace qllm::emu {

/// Sets what depends on the architecture called `name`, such as sm_80. A suffix makes no difference
/// here: sm_90 is sm_90a. False when the table has none of that name.
bool setArchitecture(Launch &launch, llvm::StringRef name);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_ARCHITECTURE_H
