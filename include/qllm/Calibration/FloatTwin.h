// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A float copy of a model that is walked beside the one that a recipe rewrites.

#ifndef QLLM_CALIBRATION_FLOATTWIN_H
#define QLLM_CALIBRATION_FLOATTWIN_H

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OwningOpRef.h"
#include "qllm/Calibration/Sites.h"
#include "qllm/Calibration/Walk.h"

namespace qllm {

class FloatTwin {
public:
  /// Copies the module of `function` and takes activation quantizers out of the copy; weights stay
  /// shared. `inputs` as for a walk.
  FloatTwin(mlir::func::FuncOp function, unsigned threads,
            std::vector<std::vector<interp::Value>> inputs);

  /// The value of the copy for one that the original had when it was copied; null for others.
  mlir::Value find(mlir::Value original) const;

  Walk &walk() { return *floatWalk; }

private:
  mlir::IRMapping mapping; // filled by the copy
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::unique_ptr<interp::OperationRunner> runner;
  std::unique_ptr<Walk> floatWalk;
};

/// What the output of a layer is added to: the other operand of the addition that alone reads it,
/// if that is computed at run time and of the same type; null otherwise.
mlir::Value residualOf(const Site &site);

} // namespace qllm

#endif // QLLM_CALIBRATION_FLOATTWIN_H
