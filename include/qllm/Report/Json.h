// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Measurements as JSON, and digests of files; docs/report.md has the fields.

#ifndef QLLM_REPORT_JSON_H
#define QLLM_REPORT_JSON_H

#include "qllm/Report/Measure.h"
#include <nlohmann/json.hpp>

namespace qllm::report {

using Json = nlohmann::ordered_json;

/// `measurements` of report.json.
Json toJson(const Measurements &measurements);

/// {file, bytes, sha256} of a file; `name` is what it is called in the report. Fails where it
/// cannot be read.
llvm::Expected<Json> digestOf(llvm::StringRef path, llvm::StringRef name);

} // namespace qllm::report

#endif // QLLM_REPORT_JSON_H
