// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// --validate of `qllm quantize`: what is run, and the records for the log and the report.

#ifndef QLLM_LIB_TOOLS_USERTOOL_VALIDATIONLOG_H
#define QLLM_LIB_TOOLS_USERTOOL_VALIDATIONLOG_H

#include "qllm/API/Report.h"
#include "qllm/Validation/ValidateRewrites.h"

namespace qllm::tool {

class Session;

class ValidationLog {
public:
  /// Has every pass of `passes` validated on random inputs and, where there is such a file, on two
  /// short windows of `calibration`. Records go to the session's log; reproducers of failures go to
  /// `<output>.reproducers`.
  void attachTo(mlir::PassManager &passes, Session &session, llvm::StringRef calibration,
                llvm::StringRef output);

  api::Json toJson() const;

private:
  std::vector<ValidationRecord> records;
};

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_VALIDATIONLOG_H
