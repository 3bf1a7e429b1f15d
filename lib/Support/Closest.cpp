// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/Closest.h"
#include <algorithm>

using llvm::StringRef;

std::optional<StringRef> qllm::closest(StringRef word, llvm::ArrayRef<StringRef> candidates) {
  std::optional<StringRef> best;
  // Half the word may be wrong: more than that is another word, not a slip.
  unsigned limit = std::max<size_t>(1, word.size() / 2);
  for (StringRef candidate : candidates) {
    unsigned distance = word.edit_distance(candidate, /*AllowReplacements=*/true, limit + 1);
    if (distance > limit)
      continue;
    best = candidate;
    limit = distance - (distance > 0);
  }
  return best;
}
