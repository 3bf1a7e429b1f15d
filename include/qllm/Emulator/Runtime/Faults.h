// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a kernel does that no check catches: signals of compiled code, and no end. For tools that
// run one kernel: the process ends.

#ifndef QLLM_EMULATOR_RUNTIME_FAULTS_H
#define QLLM_EMULATOR_RUNTIME_FAULTS_H

#include "qllm/Emulator/Runtime/Abi.h"
#include <atomic>

namespace qllm::emu {

/// The thread of a kernel that runs now, for messages; null outside of kernels.
extern std::atomic<const ThreadContext *> runningThread;

/// From now on a signal that comes while a kernel runs ends the process with exit code 1 and one
/// message, and so does a kernel that has taken `limitSeconds` of CPU time, if that is not 0.
void installKernelFaults(double limitSeconds);

/// The limit counts from now: for processes that run several kernels.
void restartKernelLimit();

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_FAULTS_H
