// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scaled dot-product attention with shared key and value heads, as all attention operators need it.

#ifndef QLLM_LIB_INTERPRETER_KERNELS_ATTENTIONCORE_H
#define QLLM_LIB_INTERPRETER_KERNELS_ATTENTIONCORE_H

#include "Elementwise.h"

namespace qllm::interp {

/// Which stage of the scores an operator shows as a result.
enum class ShownScores { None, BeforeBias, WithBias, Probabilities };

struct AttentionProblem {
  /// f32, [batch, heads, positions, size].
  Tensor query, key, value;
  float scale = 1;
  float softcap = 0;
  /// Whether query i sees keys up to i + offset only.
  bool causal = false;
  /// How far before and after i + offset a query sees; -1 for no limit.
  int64_t leftWindow = -1, rightWindow = -1;
  /// For each batch: what is added to a query's position to get its position among the keys, and
  /// how many keys count.
  llvm::SmallVector<int64_t> offsets, validKeys;
  /// Added to the scores after broadcasting (f32), or where false excluding them (bool); null for
  /// none. Its last dimension may be shorter than the keys; what is missing is excluded.
  Tensor mask;
  /// One extra score for each head that takes a share of the probability and adds nothing; null for
  /// none.
  Tensor sinks;
  ShownScores shown = ShownScores::None;

  int64_t batches() const { return query.dim(0); }
  int64_t heads() const { return query.dim(1); }
  int64_t queries() const { return query.dim(2); }
  int64_t keyHeads() const { return key.dim(1); }
  int64_t keys() const { return key.dim(2); }
};

/// Computes [batch, heads, queries, value size], and the shown scores [batch, heads, queries,
/// keys]. Rows that may see no key give zeros.
LogicalResult attend(KernelContext &ctx, const AttentionProblem &problem, Tensor &result,
                     Tensor &scores);

/// [batch, positions, heads * size] or [batch, heads, positions, size] to the latter, in f32.
LogicalResult splitHeads(KernelContext &ctx, const Tensor &tensor, int64_t heads, Tensor &result);
/// The inverse for three dimensions.
LogicalResult joinHeads(KernelContext &ctx, const Tensor &tensor, Tensor &result);
/// Concatenates along the positions.
LogicalResult appendPositions(KernelContext &ctx, const Tensor &past, const Tensor &present,
                              Tensor &result);

/// Cosines and sines of rotations.
struct RotaryTable {
  Tensor cosines, sines; // f32, [positions, half]
  int64_t half() const { return cosines.dim(cosines.rank() - 1); }
  int64_t positions() const { return cosines.dim(0); }
};
/// Rotates the first 2 * half values of a head; the others are copied.
void rotateHead(const float *in, float *out, int64_t size, const float *cosines, const float *sines,
                int64_t half, bool interleaved);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_KERNELS_ATTENTIONCORE_H
