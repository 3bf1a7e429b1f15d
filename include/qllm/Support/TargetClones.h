// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Functions compiled for several instruction sets.

#ifndef QLLM_SUPPORT_TARGETCLONES_H
#define QLLM_SUPPORT_TARGETCLONES_H

/// One body, several instruction sets: the loader picks the best one that the machine has. Nothing
/// is contracted to fused multiply-adds, so all give the same bits.
#if defined(__x86_64__) && defined(__clang__)
#define QLLM_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define QLLM_CLONES
#endif

#endif // QLLM_SUPPORT_TARGETCLONES_H
