// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a mistyped word probably meant.

#ifndef QLLM_SUPPORT_CLOSEST_H
#define QLLM_SUPPORT_CLOSEST_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace qllm {

/// The candidate closest to `word` by edit distance, or nothing if none is close.
std::optional<llvm::StringRef> closest(llvm::StringRef word,
                                       llvm::ArrayRef<llvm::StringRef> candidates);

} // namespace qllm

#endif // QLLM_SUPPORT_CLOSEST_H
