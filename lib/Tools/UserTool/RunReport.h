// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--report` of a run: what is checked before it, and measured after it.

#ifndef QLLM_LIB_TOOLS_USERTOOL_RUNREPORT_H
#define QLLM_LIB_TOOLS_USERTOOL_RUNREPORT_H

#include "qllm/API/MeasureRun.h"
#include "qllm/Tools/UserTool/OptionTable.h"
#include "qllm/Tools/UserTool/Session.h"

namespace qllm::tool {

class RunReport {
public:
  /// tokens, windows and length, behind `prefix`.
  void declare(OptionTable &options, llvm::StringRef prefix);
  /// Where the page goes; declared by the command.
  std::string page;
  bool wanted() const { return !page.empty(); }
  bool hasTokens() const { return !tokens.empty(); }

  /// Everything that is known to fail without the long run. `calibration` serves where no tokens
  /// were given; the page may lie in `output`, which comes to be by then.
  llvm::Error check(llvm::StringRef calibration, llvm::StringRef output);

  /// Measures the result that lies in `directory`, puts the figures into its report.json, and
  /// writes the page.
  llvm::Error write(Session &session, mlir::ModuleOp result, api::QuantizeRun &run,
                    llvm::StringRef directory) const;
  /// The page alone, of a report with measurements.
  llvm::Error writePage(Session &session, api::Json report, llvm::StringRef directory) const;

private:
  std::string tokens;
  report::MeasureOptions options;
};

/// Whether a file can be written at `path`, as far as that can be said in advance.
llvm::Error checkWritable(llvm::StringRef path);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_RUNREPORT_H
