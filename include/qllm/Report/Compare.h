// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two runs side by side, from what their report.json says.

#ifndef QLLM_REPORT_COMPARE_H
#define QLLM_REPORT_COMPARE_H

#include "qllm/Report/Json.h"

namespace qllm::report {

/// The report.json of a result directory, or of the file itself, with a `label` for the page. Fails
/// where it is not what `qllm quantize` writes.
llvm::Expected<Json> readRun(llvm::StringRef path);

/// {a, b, same_tokens, layers}: figures of each run (null where a run has none) and one record a
/// layer that either has, in the order of the first.
Json compareRuns(const Json &a, const Json &b);

} // namespace qllm::report

#endif // QLLM_REPORT_COMPARE_H
