// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Coverage as JSON.

#ifndef QLLM_API_REPORT_H
#define QLLM_API_REPORT_H

#include "qllm/Analysis/Coverage.h"
#include <nlohmann/json.hpp>

namespace qllm::api {

using Json = nlohmann::ordered_json;

/// Rows, totals and one record a layer, with the reason where it is not quantized.
Json toJson(const Coverage &coverage);

/// What report.json says of every run: version, the file name of the model (left out where it is
/// empty), recipe with its options and seed, passes, coverage.
Json describeRun(llvm::StringRef model, llvm::StringRef recipe, llvm::StringRef options,
                 int64_t seed, llvm::ArrayRef<std::string> passes, const Coverage &coverage);

/// Indented, ending with a newline. Names that are no UTF-8 are repaired rather than refused.
std::string toText(const Json &json);

} // namespace qllm::api

#endif // QLLM_API_REPORT_H
