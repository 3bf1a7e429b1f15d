// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The end of the process. MLIR's runtime interface has no way to hand an error back, and code that
// was compiled for a device goes on as if nothing had happened.

#ifndef QLLM_LIB_EMULATOR_GPURUNTIME_LEAVE_H
#define QLLM_LIB_EMULATOR_GPURUNTIME_LEAVE_H

#include <string>

namespace qllm::emu {

/// As of qllm-emu.
enum class Exit { BadInput = 1, NotClean = 3 };

/// Prints `message`, writes out what stdio holds, and ends the process. Destructors do not run: the
/// caller is compiled code, whose compiler may be what they belong to.
[[noreturn]] void leave(Exit code, const std::string &message);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_GPURUNTIME_LEAVE_H
