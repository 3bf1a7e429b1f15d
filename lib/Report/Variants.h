// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The quantized model with fewer kinds of rounding.

#ifndef QLLM_LIB_REPORT_VARIANTS_H
#define QLLM_LIB_REPORT_VARIANTS_H

#include "mlir/IR/OwningOpRef.h"
#include "qllm/Calibration/RemoveQuantizers.h"
#include "qllm/Report/Measure.h"

namespace qllm::report {

/// A copy of the module without the quantizers; weights stay shared. Null if there are none: the
/// module itself is that form.
inline mlir::OwningOpRef<mlir::ModuleOp> without(mlir::ModuleOp module, QuantizersOf which) {
  mlir::OwningOpRef<mlir::ModuleOp> copy(module.clone());
  return removeQuantizers(*copy, which) ? std::move(copy) : mlir::OwningOpRef<mlir::ModuleOp>();
}

/// The forms up to each kind of rounding; the last one is the result itself.
class Variants {
public:
  explicit Variants(mlir::ModuleOp result)
      : result(result), noAttention(without(result, {true, false})),
        weightsOnly(without(result, {true, true})), noLayers(without(result, {false, true})) {}

  mlir::ModuleOp upTo(Rounding kind) {
    switch (kind) {
    case Rounding::Weights:
      return weightsOnly ? *weightsOnly : result;
    case Rounding::Activations:
      return noAttention ? *noAttention : result;
    case Rounding::Attention:
      return result;
    }
    llvm_unreachable("all kinds are listed");
  }
  /// Whether the form differs from the one before it in the order.
  bool adds(Rounding kind) {
    return kind == Rounding::Weights || (kind == Rounding::Activations && noLayers) ||
           (kind == Rounding::Attention && noAttention);
  }
  mlir::ModuleOp withoutActivations() { return noLayers ? *noLayers : result; }

private:
  mlir::ModuleOp result;
  mlir::OwningOpRef<mlir::ModuleOp> noAttention, weightsOnly, noLayers;
};

} // namespace qllm::report

#endif // QLLM_LIB_REPORT_VARIANTS_H
