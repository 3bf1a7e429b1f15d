// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reports for people and for programs.

#ifndef QLLM_LIB_TOOLS_EMULATE_REPORTPRINTER_H
#define QLLM_LIB_TOOLS_EMULATE_REPORTPRINTER_H

#include "qllm/Emulator/Runtime/Report.h"
#include "llvm/Support/raw_ostream.h"

namespace qllm::tool {

/// Everything that one run of the tool has to say.
struct EmulationResult {
  std::string kernel;
  emu::RunReport report;
  /// Results that are not as expected.
  std::vector<std::string> differences;
  bool clean() const { return report.findings.empty() && differences.empty(); }
};

void printText(llvm::raw_ostream &os, const EmulationResult &result);
void printJson(llvm::raw_ostream &os, const EmulationResult &result);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_EMULATE_REPORTPRINTER_H
