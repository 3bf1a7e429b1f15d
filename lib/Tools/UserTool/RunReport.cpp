// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The result is complete before anything is measured: a failure here costs the report only.

#include "RunReport.h"

#include "mlir/Pass/PassRegistry.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Report/Page.h"
#include "qllm/Support/OutputFile.h"
#include "qllm/Tools/UserTool/Version.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
using namespace qllm::tool;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

void RunReport::declare(OptionTable &table) {
  table.text("report", page, "FILE.html",
             "measure what it cost, layer by layer, and write a page that needs no network");
  table.text("report-tokens", tokens, "FILE.npy",
             "the tokens of the report (default those of the calibration)");
  table.integer("report-windows", options.windows, 1, 1 << 20,
                "windows of its perplexities (default 8); layers take at most 2");
  table.integer("report-length", options.length, 2, 1 << 20,
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

/// The model's file and the files of its weights, the tokens, and what was written.
static Expected<Json> digests(mlir::ModuleOp original, StringRef model, StringRef calibration,
                              StringRef tokens, StringRef directory) {
  Json list = Json::array();
  StringSet<> seen;
  auto add = [&](const Twine &file, StringRef role) -> Error {
    std::string name = file.str();
    if (name.empty() || !fs::is_regular_file(name) || !seen.insert(name).second)
      return Error::success();
    Expected<Json> digest = report::digestOf(name, path::filename(name));
    if (!digest)
      return digest.takeError();
    (*digest)["role"] = role.str();
    list.push_back(std::move(*digest));
    return Error::success();
  };
  if (Error error = add(model, "model"))
    return error;
  SmallString<256> folder = path::parent_path(model);
  StringSet<> named;
  original.walk([&](mlir::Operation *op) {
    for (mlir::NamedAttribute attribute : op->getAttrs())
      if (auto data = dyn_cast<onnx::ExternalAttr>(attribute.getValue()))
        named.insert(data.getFile());
  });
  for (const auto &name : named) {
    SmallString<256> file(folder);
    path::append(file, name.getKey());
    if (Error error = add(file, "weights of the model"))
      return error;
  }
  if (Error error = add(calibration, "calibration"))
    return error;
  if (Error error = add(tokens, "tokens of the report"))
    return error;
  std::error_code code;
  std::vector<std::string> results;
  for (fs::directory_iterator file(directory, code), end; file != end && !code;
       file.increment(code))
    if (path::filename(file->path()) != "report.json")
      results.push_back(file->path());
  llvm::sort(results);
  for (const std::string &file : results)
    if (Error error = add(file, "result"))
      return error;
  return list;
}

/// The passes with what each is for.
static Json passesJson(const Json &texts) {
  Json passes = Json::array();
  for (const Json &text : texts) {
    std::string pass = text.get<std::string>();
    StringRef name = StringRef(pass).split('{').first;
    const mlir::PassInfo *info = mlir::PassInfo::lookup(name);
    passes.push_back({{"pass", name.str()},
                      {"options", StringRef(pass).drop_front(name.size()).trim("{}").str()},
                      {"summary", info ? info->getPassDescription().str() : ""}});
  }
  return passes;
}

Error RunReport::write(Session &session, mlir::ModuleOp result, Json report, StringRef model,
                       StringRef calibration, StringRef directory, PassTimes &times) {
  if (!forms.original())
    return createStringError("expected linear layers to report on, but the run has made none");
  options.threads = session.getThreads();
  Expected<report::Measurements> measured =
      report::measure({forms.original(), forms.reference(), result}, options, &times);
  if (!measured)
    return measured.takeError();
  times.stage("report");
  Expected<Json> files = digests(forms.original(), model, calibration, options.tokens, directory);
  if (!files)
    return files.takeError();
  report["run"] = {{"command", session.commandLine},  {"versions", versionsJson()},
                   {"threads", session.getThreads()}, {"passes", passesJson(report["passes"])},
                   {"parts", times.toJson()},
                   {"stages", times.stagesJson()},    {"files", std::move(*files)}};
  report["measurements"] = report::toJson(*measured);
  report["measurements"]["original_bytes"] = measureCoverage(forms.original()).totalBytes();
  if (Error error = writeOutputFile((directory + "/report.json").str(), toText(report)))
    return error;
  report["label"] = path::filename(directory).str();
  if (Error error = writeOutputFile(page, report::renderPage(report)))
    return error;
  session.log.info("wrote the report " + page);
  return Error::success();
}
