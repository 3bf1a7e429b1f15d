// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a measurement; see Measure.h for what they give.

#ifndef QLLM_LIB_REPORT_MEASURING_H
#define QLLM_LIB_REPORT_MEASURING_H

#include "Blocks.h"
#include "Variants.h"
#include "qllm/Calibration/Walk.h"
#include "qllm/Report/Measure.h"

namespace qllm::report {

using Inputs = std::vector<std::vector<interp::Value>>;

/// Perplexities on whole windows. Leaves `losses` empty, with a remark, where the model predicts no
/// tokens.
llvm::LogicalResult measureLosses(const Forms &forms, Variants &variants, Measurements &result,
                                  RunListener *listener);

/// Layers and blocks, the reference and the result side by side.
llvm::LogicalResult measureLayers(const Forms &forms, Variants &variants, const Inputs &inputs,
                                  Measurements &result, RunListener *listener);

/// Sites as the result has them, with the ranges of their channels in the original and the result.
llvm::LogicalResult measureSites(const Forms &forms, const Inputs &inputs, Measurements &result,
                                 RunListener *listener);

/// Sums for the error of outputs, channel by channel.
class ErrorSums {
public:
  /// Adds all rows. Fails where the two differ in shape or are no float tensors.
  llvm::Error add(const WindowValues &reference, const WindowValues &measured);
  /// Noise to signal: of the difference, or of what is left behind the best gain of each channel.
  double relative(bool upToGains) const;

private:
  std::vector<double> signal, cross, energy;
};

/// Compares predictions with those of the float model.
class Predictions {
public:
  /// `logits` of the float model, and the tokens of each window (for losses; may be empty).
  static llvm::Expected<Predictions> create(ThreadPool &pool, const WindowValues &logits,
                                            std::vector<std::vector<int64_t>> tokens);
  llvm::Expected<BlockLoss::Step> compare(ThreadPool &pool, const WindowValues &logits) const;

private:
  std::vector<std::vector<int64_t>> tokens;
  std::vector<int64_t> borders;
  /// Probabilities, and for each row its sum of p log p and the loss of the token that follows.
  MatrixF probabilities;
  std::vector<double> negativeEntropy, losses;
};

inline mlir::func::FuncOp mainOf(mlir::ModuleOp module) {
  return module.lookupSymbol<mlir::func::FuncOp>("main");
}

} // namespace qllm::report

#endif // QLLM_LIB_REPORT_MEASURING_H
