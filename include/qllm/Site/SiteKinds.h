// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How options, messages and reports call kinds of sites.

#ifndef QLLM_SITE_SITEKINDS_H
#define QLLM_SITE_SITEKINDS_H

#include "qllm/Site/SiteState.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace qllm {

/// Every kind with its name.
inline constexpr std::pair<llvm::StringLiteral, SiteKind> siteKinds[] = {
    {"attention-input", SiteKind::AttentionInput},
    {"attention-output", SiteKind::AttentionOutput},
    {"feed-forward-input", SiteKind::FeedForwardInput},
    {"feed-forward-output", SiteKind::FeedForwardOutput},
    {"other", SiteKind::Other},
};

inline llvm::StringRef siteKindName(SiteKind kind) {
  return llvm::find_if(siteKinds, [=](const auto &entry) { return entry.second == kind; })->first;
}

/// Nothing for a name that no kind has.
inline std::optional<SiteKind> findSiteKind(llvm::StringRef name) {
  const auto *found =
      llvm::find_if(siteKinds, [=](const auto &entry) { return entry.first == name; });
  return found == std::end(siteKinds) ? std::nullopt : std::optional(found->second);
}

} // namespace qllm

#endif // QLLM_SITE_SITEKINDS_H
