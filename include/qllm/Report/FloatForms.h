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
  /// To be called after each pass.
  void observe(mlir::ModuleOp module);
  /// For a model that is not rewritten: both forms are this one.
  void set(mlir::ModuleOp module);

  /// The first form that has linear layers of the qllm dialect; null if there was none.
  mlir::ModuleOp original() { return first ? *first : mlir::ModuleOp(); }
  /// The last form in which nothing was rounded, split or merged.
  mlir::ModuleOp reference() { return last ? *last : original(); }
  /// Copies belong to the context of the module and must not outlive it.
  void clear();

private:
  mlir::OwningOpRef<mlir::ModuleOp> first, last;
  bool ended = false;
};

} // namespace qllm

#endif // QLLM_REPORT_FLOATFORMS_H
