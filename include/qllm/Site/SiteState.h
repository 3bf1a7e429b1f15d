// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A site is one activation and all the linear layers that read it: q, k and v; gate and up; o;
// down. Whatever is done to the activation is done for all of them. This is what steps of a recipe
// see of a site and what they decide about it; it knows no IR.
//
// What the finished site computes, for a row x of the activation:
//   x1 = maps applied to x, one after the other, the mean first
//   z  = Q(x1 P^T)                                  if there is a principal part
//   x2 = split(x1 - z P)                            copies of channels, with rounding offsets
//   x^ = Q(x2)                                      the input format, range times `clip`
//   y  = x^ W^T + (x^ A^T) B^T + z U^T + b

#ifndef QLLM_SITE_SITESTATE_H
#define QLLM_SITE_SITESTATE_H

#include "qllm/Solver/ChannelMap.h"
#include "qllm/Solver/InputQuantizer.h"
#include "qllm/Solver/Rounding.h"
#include "qllm/Support/Matrix.h"
#include <memory>
#include <optional>
#include <string>

namespace qllm {

class TaskRunner;
class ThreadPool;

enum class SiteKind {
  AttentionInput,    ///< q, k, v
  AttentionOutput,   ///< o
  FeedForwardInput,  ///< gate and up, or the first layer of a plain feed-forward network
  FeedForwardOutput, ///< down
  Other,
};

/// What a layer's output is fitted to, given that its input is rounded.
enum class TargetKind {
  None,      ///< the layer's own weight
  Local,     ///< W x of the unrounded input on the quantized stream
  Reference, ///< W x of the float model
  Residual,  ///< the same, and what the residual stream has lost before this layer added to it
};

/// One of the linear layers; their weights lie below each other in the matrices of the state.
struct SiteProduct {
  std::string name;
  int64_t firstRow = 0, rows = 0;
  /// Absent: the weight stays in floating point.
  std::optional<RowFormat> format;
};

/// A low-rank factor as it is stored.
struct StoredFactor {
  MatrixF values;
  /// Bits of symmetric integer rows; 16 and more keep floats.
  int64_t bits = 32;
  bool empty() const { return values.empty(); }
};

/// The scales of rounded weights and their codes. One column a group (products with fewer groups
/// than others leave the last columns 0); codes one byte each, extended as the format says. Rows of
/// products without a format have the float values and no scales.
struct RoundedWeight {
  MatrixF scales;
  Matrix<int32_t> zeroPoints;
  Matrix<uint8_t> codes;
  /// One for each product.
  std::vector<float> tensorScales;
  /// What the codes stand for: the weight that the product uses.
  MatrixF values;
};

/// What a plan can hold about a site. A step takes what is there already instead of deciding, and
/// puts down what it decides: so plans can be printed, edited and replayed.
struct SiteDecisions {
  /// "none", "split" or "rotate": the one chosen among candidates.
  std::optional<std::string> transform;
  /// T of each channel.
  std::optional<std::vector<int64_t>> parts;
  std::optional<bool> offsets;
  std::optional<double> clip;
  /// Exponents of channel scales: c_j = max|x_j|^alpha / max|W_j|^beta; beta 1 - alpha if absent.
  std::optional<double> alpha, beta;
  std::optional<std::vector<int64_t>> order;
  std::optional<int64_t> rank;
  std::optional<int64_t> principalRank;
  /// Relative output error of each candidate that was tried, for the report: name and error.
  std::vector<std::pair<std::string, double>> scores;
};

struct SiteState {
  SiteState(ThreadPool &pool) : pool(pool) {}

  ThreadPool &pool;
  /// Who rounds the layers of a site in other processes; null for nobody.
  TaskRunner *tasks = nullptr;
  std::string name;
  SiteKind kind = SiteKind::Other;
  /// Number of the layer in its model; -1 where names do not tell.
  int64_t layer = -1;
  uint64_t seed = 0;

  /// What the layers read [tokens, channels] with everything before already quantized.
  MatrixF input;
  /// The same in the float model; empty unless a step asks for it (SiteStep::needsReference).
  MatrixF reference;
  /// [tokens, rows]: what the float model's residual stream has more than the quantized one where
  /// the output is added to it (o, down); empty where there is no such stream, or nobody asked.
  MatrixF residualLoss;
  /// Rows where windows of calibration text begin, and the number of tokens at the end.
  std::vector<int64_t> windows;
  /// Rows that hold attention sinks, found by rule; not part of means and thresholds.
  std::vector<bool> sinks;
  std::vector<SiteProduct> products;
  /// [sum of rows, channels], and a bias for each row (zeros where the model has none).
  MatrixF weight;
  std::vector<float> bias;
  /// Whether `weight` and `bias` are no longer the model's own (see BalanceHeads.h).
  bool isRewritten = false;
  /// Absent: the input stays in floating point.
  std::optional<RowFormat> inputFormat;

  // Decisions.
  SiteDecisions decisions;
  std::vector<ChannelMap> maps;
  /// T of each channel behind the maps; empty for all 1.
  std::vector<int64_t> parts;
  bool offsets = false;
  float clip = 1;
  /// P [rank, channels behind the maps] and U [sum of rows, rank]; z has `principalBits`.
  StoredFactor principal, principalUp;
  int64_t principalBits = 8;
  /// A [rank, channels] and B [sum of rows, rank], on the quantized input.
  StoredFactor branchDown, branchUp;
  RoundedWeight rounded;

  // What a step decided for the steps behind it.
  TargetKind targetKind = TargetKind::None;
  RangeOptions range;
  RoundingOptions rounding;

  // Working values, kept up to date by the functions below.
  /// `weight` for the activation behind the maps [sum of rows, channels].
  MatrixF mappedWeight;
  /// The weight to be rounded: `mappedWeight`, or what a target made of it.
  MatrixF target;
  /// Bias that goes with it, the output bias of the finished site in the end.
  std::vector<float> outputBias;

  /// To be called once input, weight, bias and products are there: makes the working values those
  /// of the float layer. Steps may rely on it.
  void begin();

  /// x1, x1 - z P (what is quantized, before the split), z, and x^ folded back to one column a
  /// channel (the sum of its copies); computed when first asked for and again after a decision in
  /// front of them changes.
  const MatrixF &mapped();
  const MatrixF &residual();
  const MatrixF &principalCodes();
  const MatrixF &quantized();
  /// H = x^T x of `quantized()`, in double.
  const MatrixD &hessian();
  /// y of the finished site on the calibration rows, in the order of the products' rows.
  MatrixF output();

  /// The weight that meets the quantized input in the end: the rounded one once there is one, or
  /// `target`; without the branch.
  const MatrixF &presentWeight() const;
  /// One row format for z.
  RowFormat principalFormat() const;

  /// To be called when a decision changed: everything behind it is computed again. Copies of a
  /// state (for candidates) share what was computed before they part.
  void mapsChanged();
  void principalChanged();
  void inputQuantizerChanged(); ///< clip, parts, offsets or the input format

  /// Appends a map and absorbs it into the working values. Maps come first: a principal part,
  /// parts, a branch and rounded weights are for the channels as they were, and are dropped.
  void addMap(ChannelMap map);

private:
  struct Cache;
  std::shared_ptr<Cache> cache;
};

} // namespace qllm

#endif // QLLM_SITE_SITESTATE_H
