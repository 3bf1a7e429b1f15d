// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "RunReport.h"

#include "SessionListener.h"
#include "qllm/Report/Page.h"
#include "qllm/Support/OutputFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

void RunReport::declare(OptionTable &table, StringRef prefix) {
  table.text((prefix + "tokens").str(), tokens, "FILE.npy",
             "the tokens to measure on" +
                 Twine(prefix.empty() ? "" : " (default those of the calibration)").str());
  table.integer((prefix + "windows").str(), options.windows, 1, 1 << 20,
                "windows of its perplexities (default 8); layers take at most 2");
  table.integer((prefix + "length").str(), options.length, 2, 1 << 20,
                "tokens of these windows (default 512); layers take at most 256");
}

Error qllm::tool::checkWritable(StringRef path) {
  if (fs::is_directory(path))
    return createStringError("expected a file for the report, but '" + path + "' is a directory");
  SmallString<256> folder = path::parent_path(path);
  if (folder.empty())
    folder = ".";
  if (!fs::is_directory(folder))
    return createStringError("cannot write '" + path + "': there is no directory '" + folder + "'");
  if (fs::access(folder, fs::AccessMode::Write))
    return createStringError("cannot write '" + path + "': no files may be made in '" + folder +
                             "'");
  return Error::success();
}

Error RunReport::check(StringRef calibration, StringRef output) {
  if (!wanted()) {
    if (!tokens.empty())
      return createStringError("expected a page for the report (--report FILE.html) beside "
                               "--report-tokens");
    return Error::success();
  }
  options.tokens = tokens.empty() ? calibration.str() : tokens;
  if (options.tokens.empty())
    return createStringError("a report is measured on tokens: expected --report-tokens FILE.npy");
  if (!fs::is_regular_file(options.tokens))
    return createStringError("expected tokens for the report, but found no file '" +
                             options.tokens + "'");
  return path::parent_path(page) == output.rtrim('/') ? Error::success() : checkWritable(page);
}

Error RunReport::writePage(Session &session, Json report, StringRef directory) const {
  report["label"] = path::filename(directory.rtrim('/')).str();
  if (Error error = writeOutputFile(page, report::renderPage(report)))
    return error;
  session.log.info("wrote the report " + page);
  return Error::success();
}

Error RunReport::write(Session &session, mlir::ModuleOp result, QuantizeRun &run,
                       StringRef directory) const {
  SessionListener listener(session);
  if (Error error = measureRun(run, result, {options, "", directory.str()}, &listener))
    return error;
  if (Error error =
          writeOutputFile((directory.rtrim('/') + "/report.json").str(), toText(run.report)))
    return error;
  return writePage(session, run.report, directory);
}
