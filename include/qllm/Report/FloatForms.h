// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The float model as it was, and as it was when the first value was rounded.

#ifndef QLLM_REPORT_FLOATFORMS_H
#define QLLM_REPORT_FLOATFORMS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace qllm {

/// Watches a recipe and keeps two copies of the module (weights stay shared): what errors are
/// compared with must compute the original function in the channels of the result, which rotations
/// and scales have changed by then.
class FloatForms {
public:
  /// Without copies, passes are only counted.
  void keep(bool copies) { isKept = copies; }
  bool isEmpty() const { return !first; }

  /// To be called after each pass.
  void observe(mlir::ModuleOp module);

  /// Passes at the beginning of the recipe that have rounded, split and merged nothing.
  int64_t floatPasses() const { return passes; }
  /// The first form that has linear layers of the qllm dialect; null if there was none.
  mlir::ModuleOp original() { return first ? *first : mlir::ModuleOp(); }
  /// The last form in which nothing was rounded, split or merged.
  mlir::ModuleOp reference() { return last ? *last : original(); }
  /// Copies belong to the context of the module and must not outlive it.
  void clear();

private:
  mlir::OwningOpRef<mlir::ModuleOp> first, last;
  int64_t passes = 0;
  bool isKept = true, ended = false;
};

} // namespace qllm

#endif // QLLM_REPORT_FLOATFORMS_H
