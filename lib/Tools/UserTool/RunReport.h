// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// `--report` of a run: what is checked before it, kept during it and measured after it.

#ifndef QLLM_LIB_TOOLS_USERTOOL_RUNREPORT_H
#define QLLM_LIB_TOOLS_USERTOOL_RUNREPORT_H

#include "PassTimes.h"
#include "qllm/Report/FloatForms.h"
#include "qllm/Report/Measure.h"
#include "qllm/Tools/UserTool/OptionTable.h"

namespace qllm::tool {

class RunReport {
public:
  void declare(OptionTable &options);
  bool wanted() const { return !page.empty(); }

  /// Everything that is known to fail without the long run. `calibration` serves where no tokens
  /// were given; the page may lie in `output`, which comes to be by then.
  llvm::Error check(llvm::StringRef calibration, llvm::StringRef output);

  /// To be called after each pass.
  void observe(mlir::ModuleOp module) {
    if (wanted())
      forms.observe(module);
  }

  /// Measures the result that lies in `directory`, puts the figures into its report.json, which is
  /// `report` until now, and writes the page.
  llvm::Error write(Session &session, mlir::ModuleOp result, api::Json report, llvm::StringRef model,
                    llvm::StringRef calibration, llvm::StringRef directory, PassTimes &times);

  /// Forgets the modules, which must not outlive their context.
  void clear() { forms.clear(); }

private:
  std::string page, tokens;
  report::MeasureOptions options;
  FloatForms forms;
};

/// Whether a file can be written at `path`, as far as that can be said in advance.
llvm::Error checkWritable(llvm::StringRef path);

} // namespace qllm::tool

#endif // QLLM_LIB_TOOLS_USERTOOL_RUNREPORT_H
