// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Validation of every pass of a pass manager.

#ifndef QLLM_VALIDATION_VALIDATEREWRITES_H
#define QLLM_VALIDATION_VALIDATEREWRITES_H

#include "mlir/Pass/PassManager.h"
#include "qllm/Validation/Validator.h"

namespace qllm {

using ValidationListener = std::function<void(const ValidationRecord &)>;

/// Has every pass that `passes` runs validated, and each record told to `listener`. A failure fails
/// the pass. Passes on several functions run one after the other from now on: threads of the
/// context are turned off.
void addValidation(mlir::PassManager &passes, ValidationOptions options,
                   ValidationListener listener);

} // namespace qllm

#endif // QLLM_VALIDATION_VALIDATEREWRITES_H
