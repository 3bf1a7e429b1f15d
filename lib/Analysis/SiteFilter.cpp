// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matching, and the message for a pattern that matches nothing.

#include "qllm/Analysis/SiteFilter.h"

using namespace qllm;
using namespace llvm;

Expected<SiteFilter> SiteFilter::create(StringRef option, ArrayRef<std::string> patterns) {
  SiteFilter filter;
  filter.option = option.str();
  for (const std::string &given : patterns) {
    auto text = std::make_shared<const std::string>(given);
    Expected<GlobPattern> pattern = GlobPattern::create(*text);
    if (!pattern)
      return createStringError("pattern '" + given + "' of " + option + ": " +
                               toString(pattern.takeError()));
    filter.entries.push_back({std::move(text), std::move(*pattern)});
  }
  return filter;
}

const std::string *SiteFilter::match(ArrayRef<std::string> names) {
  const std::string *first = nullptr;
  for (Entry &entry : entries) {
    if (!any_of(names, [&](const std::string &name) { return entry.pattern.match(name); }))
      continue;
    entry.used = true;
    if (!first)
      first = entry.text.get();
  }
  return first;
}

Error SiteFilter::checkAllUsed(ArrayRef<std::string> allNames) const {
  for (const Entry &entry : entries) {
    if (entry.used)
      continue;
    StringRef nearest;
    unsigned distance = ~0u;
    for (StringRef name : allNames) {
      unsigned candidate = name.edit_distance(*entry.text);
      if (candidate < distance) {
        distance = candidate;
        nearest = name;
      }
    }
    std::string message = "expected pattern '" + *entry.text + "' of " + option +
                          " to match a weight, but it matches none";
    if (!nearest.empty())
      message += "; the nearest name is '" + nearest.str() + "'";
    return createStringError(message);
  }
  return Error::success();
}
