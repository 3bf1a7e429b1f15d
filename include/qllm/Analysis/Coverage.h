// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How much of a model is quantized, and what is not and why. Read off the IR as it is, never off
// what a pass meant to do.

#ifndef QLLM_ANALYSIS_COVERAGE_H
#define QLLM_ANALYSIS_COVERAGE_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"
#include <string>
#include <vector>

namespace qllm {

enum class LayerState {
  Quantized, ///< the weight, the input or both are quantized
  Float,     ///< untouched; no recipe has looked at it
  Excluded,  ///< left alone on purpose
  Skipped,   ///< asked for, but not possible
};

/// One product with a weight, or one lookup in a table.
struct LayerRecord {
  std::string name;
  std::string kind;
  std::string weightName;
  std::vector<int64_t> shape;
  /// Elements of the weight; 0 where an earlier layer with the same weight counts them.
  int64_t weights = 0;
  /// Multiply-accumulates for one token.
  int64_t macs = 0;
  /// Elements and multiply-accumulates as they were before channels of the input were split or
  /// merged.
  int64_t sourceWeights = 0, sourceMacs = 0;
  /// Stored bytes of the weight, scales, zero points and tensor scale included; 0 as for `weights`.
  int64_t bytes = 0;
  /// Bytes of what serves the layer beside it: its bias, and vectors, matrices and tables of the
  /// channel transforms and quantizers in front of it. What layers share counts at the first one.
  int64_t extraBytes = 0;
  /// As people say it: "int4 group 32" or "f32".
  std::string weightFormat;
  unsigned weightBits = 0;
  std::string inputFormat;
  unsigned inputBits = 0;
  LayerState state = LayerState::Float;
  std::string reason;
};

/// A line of the table: layers of one weight format, one input format and one state.
struct CoverageRow {
  std::string weightFormat, inputFormat;
  unsigned weightBits = 0;
  int64_t layers = 0;
  double shareOfWeights = 0, shareOfMacs = 0;
  /// Stored bytes, extras included, and what they are counted per.
  int64_t bytes = 0, sourceWeights = 0;
};

/// What a sum of bytes comes to for each of `weights`; 0 where there are none.
double bitsPerWeight(int64_t bytes, int64_t weights);

/// The attribute of products that are part of a branch beside a layer, not a layer of the model.
inline constexpr llvm::StringLiteral branchAttr = "qllm.branch";

struct Coverage {
  std::vector<LayerRecord> layers;
  /// Products beside layers: low-rank branches and principal parts.
  std::vector<LayerRecord> branches;
  /// Queries, keys and values quantized at run time.
  int64_t quantizedAttentionOperands = 0;
  /// Attention that was asked for and is not quantized, with the reasons.
  std::vector<LayerRecord> skippedAttention;
  /// Constants that belong to no layer: gains, biases, tables of angles.
  int64_t otherWeights = 0, otherBytes = 0;

  int64_t count(LayerState state) const;
  /// Whether something that was asked for is missing.
  bool isIncomplete() const { return count(LayerState::Skipped) || !skippedAttention.empty(); }
  int64_t totalWeights() const;
  int64_t totalBytes() const;
  /// Over all quantized weights: their codes and parameters, what serves them, and the branches.
  double quantizedBitsPerWeight() const;
  /// Multiply-accumulates of branches and of split channels, beside those of the model as it was.
  double macOverhead() const;

  /// Most bits first; constants of no layer have a row of their own.
  std::vector<CoverageRow> rows() const;
  void print(llvm::raw_ostream &os) const;
};

llvm::StringRef stringifyLayerState(LayerState state);

/// Whether planned formats count as if they had been applied.
enum class CoverageOf { Result, Plan };

/// Reads the coverage off a module in the onnx and qllm dialects.
Coverage measureCoverage(mlir::ModuleOp module, CoverageOf what = CoverageOf::Result);

} // namespace qllm

#endif // QLLM_ANALYSIS_COVERAGE_H
