// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the names of formats and granularities in options to the type of one weight.

#ifndef QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTFORMAT_H
#define QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTFORMAT_H

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// What the options say about all weights.
struct WeightFormat {
  ElementFormatAttrInterface element;
  GranularityKind granularity = GranularityKind::PerChannel;
  int64_t groupSize = 64;
  /// 1 for groups of a row, 0 for groups of a column.
  int64_t groupAxis = 1;
  bool adaptGroups = true;
  ScaleEncoding scale = ScaleEncoding::F32;
  bool tensorScale = false;

  /// The type of a weight [out, in]. Fails with the reason; `note` is set when the group size was
  /// adapted.
  llvm::Expected<QuantizedType> typeFor(llvm::ArrayRef<int64_t> shape, std::string &note) const;
};

struct WeightFormatOptions {
  int64_t bits;
  std::string format;
  std::string granularity;
  int64_t groupSize;
  bool adaptGroups;
  bool symmetric;
  std::string scale;
  int64_t groupAxis = 1;
};

/// Checks the options; the message names the option with the wanted and the found value.
llvm::Expected<WeightFormat> resolveWeightFormat(mlir::MLIRContext *context,
                                                 const WeightFormatOptions &options);

struct ActivationFormatOptions {
  int64_t bits;
  std::string format;
  /// Elements of a row that share a scale; 0 for the whole row.
  int64_t groupSize;
  bool adaptGroups;
  bool symmetric;
};

/// What the options say about all inputs of products: nothing for 16 bits. Without groups scales
/// are per token, the granularity of the result then means nothing.
llvm::Expected<std::optional<WeightFormat>>
resolveActivationFormat(mlir::MLIRContext *context, const ActivationFormatOptions &options);

/// The integer format of activations, keys and values.
llvm::Expected<ElementFormatAttrInterface> resolveIntegerFormat(mlir::MLIRContext *context,
                                                                llvm::StringRef option,
                                                                int64_t bits, bool symmetric);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTFORMAT_H
