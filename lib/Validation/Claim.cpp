// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The claims of all passes by name.

#include "qllm/Validation/Claim.h"

#include "llvm/ADT/StringMap.h"
#include <mutex>

using namespace qllm;

namespace {

struct Registry {
  Registry() { add(builtinClaims()); }

  void add(llvm::ArrayRef<Claim> claims) {
    for (const Claim &claim : claims)
      byPass[claim.pass] = &claim;
  }

  std::mutex mutex;
  llvm::StringMap<const Claim *> byPass;
};

Registry &registry() {
  static Registry instance;
  return instance;
}

} // namespace

llvm::StringRef qllm::nameOf(ClaimKind kind) {
  switch (kind) {
  case ClaimKind::Identical:
    return "identical";
  case ClaimKind::Equivalent:
    return "equivalent";
  case ClaimKind::Changes:
    return "changes";
  case ClaimKind::Elsewhere:
    return "elsewhere";
  }
  llvm_unreachable("unknown kind of claim");
}

const Claim *qllm::findClaim(llvm::StringRef pass) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  return registry().byPass.lookup(pass);
}

llvm::SmallVector<const Claim *> qllm::allClaims() {
  std::lock_guard<std::mutex> lock(registry().mutex);
  llvm::SmallVector<const Claim *> claims;
  for (auto &entry : registry().byPass)
    claims.push_back(entry.second);
  llvm::sort(claims, [](const Claim *a, const Claim *b) { return a->pass < b->pass; });
  return claims;
}

void qllm::registerClaims(llvm::ArrayRef<Claim> claims) {
  std::lock_guard<std::mutex> lock(registry().mutex);
  registry().add(claims);
}
