// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What quantizing a model cost, measured by running it: losses, errors of layers, outliers.

#ifndef QLLM_REPORT_MEASURE_H
#define QLLM_REPORT_MEASURE_H

#include "mlir/IR/BuiltinOps.h"
#include "qllm/Interpreter/Evaluate.h"
#include "qllm/Site/SiteState.h"
#include "qllm/Support/RunListener.h"
#include "llvm/Support/Error.h"
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace qllm::report {

struct MeasureOptions {
  /// Tokens, or samples of a model that is none of language: see CalibrationData.h.
  std::string tokens;
  /// Windows that losses are measured on, and tokens of each.
  int64_t windows = 8, length = 512;
  /// Windows that layers and blocks are measured on, and tokens of each; not more than above.
  int64_t layerWindows = 2, layerLength = 256;
  /// 0 means one per core. The figures are the same for any number.
  unsigned threads = 0;
};

/// Forms of the quantized model, with one more kind of rounding each.
enum class Rounding { Weights, Activations, Attention };
inline constexpr size_t roundingKinds = 3;

/// Mean cross entropy, in nats a token, of forms of the model on the same windows.
struct Losses {
  int64_t windows = 0, length = 0, positions = 0;
  double before = 0, after = 0;
  /// Weights alone rounded; with activations; with queries, keys and values, which is `after`.
  std::array<double, roundingKinds> upTo = {};
  /// Weights, queries, keys and values rounded, but no activations: the other order.
  double withoutActivations = 0;
};

/// Energy of the error over the energy of what the float layer gives: noise to signal.
struct LayerError {
  std::string name;
  SiteKind kind = SiteKind::Other;
  /// -1 where names do not tell.
  int64_t block = -1;
  /// With the float model's block input, and with that of the quantized model.
  std::optional<double> isolated;
  double accumulated = 0;
  /// Outputs were compared up to a gain for each channel: a recipe may have moved scales from this
  /// layer to the next.
  bool upToGains = false;
};

/// The model with a single block quantized.
struct BlockLoss {
  int64_t number = 0;
  /// Noise to signal of what leaves the block: this block alone, and everything before too.
  double isolated = 0, accumulated = 0;
  /// Mean Kullback-Leibler divergence from the float model's predictions, and change of the mean
  /// loss, in nats a token, by what is rounded in the block. Absent without logits.
  struct Step {
    double divergence = 0, lossChange = 0;
  };
  std::optional<std::array<Step, roundingKinds>> upTo;
};

/// Largest magnitudes of the channels of an activation, over all tokens.
struct ChannelRanges {
  int64_t channels = 0;
  float median = 0, largest = 0;
  /// Channels over eight times the median.
  int64_t outliers = 0;
  /// Largest magnitude over the median in equal runs of channels, in their order.
  std::vector<float> bins;
};

/// What became of an activation and the layers that read it.
struct SiteRecord {
  std::string name;
  SiteKind kind = SiteKind::Other;
  int64_t block = -1;
  std::vector<std::string> layers;
  /// In front of all maps, and where it is quantized.
  int64_t channels = 0, quantizedChannels = 0;
  int64_t splitChannels = 0, copiesAdded = 0, mergedChannels = 0;
  bool roundingOffsets = false, shifted = false, scaled = false, rotated = false, permuted = false;
  /// Of a principal part and of a branch; 0 without.
  int64_t principalRank = 0, branchRank = 0;
  std::string inputFormat;
  double clip = 1;
  /// What a search chose, and the relative output error of each candidate.
  std::string chosen;
  std::vector<std::pair<std::string, double>> scores;
  std::optional<ChannelRanges> before, after;
};

struct Measurements {
  MeasureOptions options;
  std::optional<Losses> losses;
  std::vector<LayerError> layers;
  std::vector<BlockLoss> blocks;
  std::vector<SiteRecord> sites;
  /// Windows that layers were measured on, and their tokens in all.
  int64_t layerWindows = 0, layerTokens = 0;
  /// What could not be measured, and why.
  std::vector<std::string> remarks;
};

/// The three forms of a model; each has a function `main` of one block.
struct Forms {
  /// As imported; float, and in the channels of the result (FloatForms.h); quantized.
  mlir::ModuleOp original, reference, result;
};

/// Runs all forms on windows of the tokens. Fails with an error where tokens do not fit the model,
/// and with diagnostics where it cannot be run. `listener` hears of the progress and may be null.
llvm::Expected<Measurements> measure(const Forms &forms, const MeasureOptions &options,
                                     RunListener *listener);

} // namespace qllm::report

#endif // QLLM_REPORT_MEASURE_H
