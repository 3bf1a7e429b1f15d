// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Globs that select operations by name.

#ifndef QLLM_ANALYSIS_SITEFILTER_H
#define QLLM_ANALYSIS_SITEFILTER_H

#include "mlir/IR/Operation.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/GlobPattern.h"
#include <memory>
#include <string>
#include <vector>

namespace qllm {

/// A list of globs, each of which remembers whether it matched anything.
class SiteFilter {
public:
  /// `option` is the option's name in messages.
  static llvm::Expected<SiteFilter> create(llvm::StringRef option,
                                           llvm::ArrayRef<std::string> patterns);

  bool empty() const { return entries.empty(); }

  /// The first pattern that matches one of `names`, or null. All matching patterns count as used.
  const std::string *match(llvm::ArrayRef<std::string> names);

  /// Fails if a pattern was never matched: a name with a slip in it must not pass for "nothing to
  /// do".
  llvm::Error checkAllUsed(llvm::ArrayRef<std::string> allNames) const;

private:
  struct Entry {
    std::shared_ptr<const std::string> text; ///< the pattern refers to it
    llvm::GlobPattern pattern;
    bool used = false;
  };
  std::string option;
  std::vector<Entry> entries;
};

} // namespace qllm

#endif // QLLM_ANALYSIS_SITEFILTER_H
