// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What quantizing cost, measured after the run.

#ifndef QLLM_API_MEASURERUN_H
#define QLLM_API_MEASURERUN_H

#include "qllm/API/Quantize.h"
#include "qllm/Report/Measure.h"

namespace qllm::api {

struct MeasureRequest {
  report::MeasureOptions options;
  /// What the report calls the tokens; empty for the name of their file.
  std::string tokensAlias;
  /// Where the result lies, whose files get digests; empty for nowhere.
  std::string directory;
};

/// Runs the float model and `result`, the module of `run`, and puts what it finds into the run's
/// report as `measurements` and `run`. Float forms that the run has not kept are made again, out of
/// `run.original`, by the passes that came before the first rounding. `listener` may be null.
/// Details of a failure are emitted as diagnostics.
llvm::Error measureRun(QuantizeRun &run, mlir::ModuleOp result, MeasureRequest request,
                       RunListener *listener);

/// Versions of qllm and LLVM, and the newest ONNX that is read.
Json versionsJson();

} // namespace qllm::api

#endif // QLLM_API_MEASURERUN_H
