// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Keeps oneDNN to the calling thread.

#ifndef QLLM_LIB_TENSOR_ONETHREAD_H
#define QLLM_LIB_TENSOR_ONETHREAD_H

namespace qllm {

/// oneDNN as distributed runs on OpenMP, whose thread count is a property of each calling thread.
void useOneOpenMPThread();

} // namespace qllm

#endif // QLLM_LIB_TENSOR_ONETHREAD_H
