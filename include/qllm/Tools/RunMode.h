// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The --run mode of qllm-translate: executes a module on the interpreter.

#ifndef QLLM_TOOLS_RUNMODE_H
#define QLLM_TOOLS_RUNMODE_H

#include "qllm/Tools/TranslateMain.h"

namespace qllm {

/// Adds --run and its options --input, --output, --function, --run-threads, --run-repeat and
/// --run-list.
TranslateMode runMode();

} // namespace qllm

#endif // QLLM_TOOLS_RUNMODE_H
