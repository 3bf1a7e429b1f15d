// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a pass claims about the functions that it rewrites, as data that tools can hold it to.

#ifndef QLLM_VALIDATION_CLAIM_H
#define QLLM_VALIDATION_CLAIM_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace qllm {

enum class ClaimKind {
  /// Results have the same bits.
  Identical,
  /// Results are the same in real arithmetic, so that they differ by roundings only.
  Equivalent,
  /// Results change, as they do when weights are rounded. The change is measured, not judged.
  Changes,
  /// Results cannot be compared here; the reason says where they are.
  Elsewhere,
};

struct Claim {
  /// The pass by its flag.
  llvm::StringRef pass;
  ClaimKind kind;
  /// Of Equivalent: by how many roundings a value that the rewrite computes may be off, each half a
  /// unit in the last place. Noise of that size in every operation is what results are compared
  /// with.
  unsigned roundings;
  /// Whether activations stay quantized on both sides. Without that, quantizers are taken out
  /// first: a rotation in front of one changes its codes, which is what it is for.
  bool keepsQuantizers;
  /// Why this is so, and where the number comes from.
  llvm::StringRef reason;
};

/// Identical, Equivalent, ... as reports spell them.
llvm::StringRef nameOf(ClaimKind kind);

/// The claim of a pass; null when it has none.
const Claim *findClaim(llvm::StringRef pass);

/// Every claim, ours and those registered, by name of the pass.
llvm::SmallVector<const Claim *> allClaims();

/// For passes that are not ours. The claims must outlive all use; one for a pass that has one
/// replaces it.
void registerClaims(llvm::ArrayRef<Claim> claims);

/// The claims of qllm's own passes.
llvm::ArrayRef<Claim> builtinClaims();

} // namespace qllm

#endif // QLLM_VALIDATION_CLAIM_H
