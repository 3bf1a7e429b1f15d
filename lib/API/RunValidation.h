// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Validation of a run: what is run, and the records for the log and the report.

#ifndef QLLM_LIB_API_RUNVALIDATION_H
#define QLLM_LIB_API_RUNVALIDATION_H

#include "qllm/API/Quantize.h"
#include "qllm/Validation/ValidateRewrites.h"

namespace qllm::api {

class RunValidation {
public:
  explicit RunValidation(const QuantizeOptions &options) : options(options) {}

  /// Has every pass of `passes` validated, if the options ask for it, on random inputs and, where
  /// there is such a file, on two short windows of the calibration. Records become remarks.
  void attachTo(mlir::PassManager &passes);

  Json toJson() const;

private:
  const QuantizeOptions &options;
  std::vector<ValidationRecord> records;
};

} // namespace qllm::api

#endif // QLLM_LIB_API_RUNVALIDATION_H
