// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A thread for what recurses on its input: parsers, printers, destructors of nested regions, walks
// along a graph's values.

#ifndef QLLM_SUPPORT_LARGESTACK_H
#define QLLM_SUPPORT_LARGESTACK_H

#include "llvm/ADT/STLFunctionalExtras.h"

namespace qllm {

/// Runs `work` on a thread of its own with a stack of 1 GiB, of which only touched pages take
/// memory, and returns what it returned. Where no such thread is to be had, runs it in place.
int runOnLargeStack(llvm::function_ref<int()> work);

} // namespace qllm

#endif // QLLM_SUPPORT_LARGESTACK_H
