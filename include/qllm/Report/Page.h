// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The report as a page.

#ifndef QLLM_REPORT_PAGE_H
#define QLLM_REPORT_PAGE_H

#include "qllm/Report/Json.h"
#include "llvm/ADT/ArrayRef.h"

namespace qllm::report {

/// An HTML page that loads nothing from anywhere. `runs` are one or two report.json, each with a
/// `label`; of two, everything is drawn side by side. Names from models get into the page as data
/// only, never as markup.
std::string renderPage(llvm::ArrayRef<Json> runs);

} // namespace qllm::report

#endif // QLLM_REPORT_PAGE_H
