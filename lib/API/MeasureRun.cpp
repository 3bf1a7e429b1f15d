// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The result is complete before anything is measured: a failure here costs the report only.

#include "qllm/API/MeasureRun.h"

#include "RunIdentity.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm/Calibration/SiteAttribute.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Report/Json.h"
#include "qllm/Support/RunListener.h"
#include "qllm/Target/ONNX/Import.h"
#include "qllm/Version.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace qllm;
using namespace qllm::api;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

/// Digests of the files that a run has read and written, each once.
class Digests {
public:
  Error add(StringRef file, StringRef role, StringRef alias = "") {
    if (file.empty() || !fs::is_regular_file(file) || !seen.insert(file).second)
      return Error::success();
    Expected<Json> digest = report::digestOf(file, alias.empty() ? path::filename(file) : alias);
    if (!digest)
      return digest.takeError();
    (*digest)["role"] = role.str();
    list.push_back(std::move(*digest));
    return Error::success();
  }

  Json list = Json::array();

private:
  StringSet<> seen;
};

std::vector<std::string> resultFiles(StringRef directory) {
  std::vector<std::string> files;
  std::error_code code;
  if (!directory.empty())
    for (fs::directory_iterator file(directory, code), end; file != end && !code;
         file.increment(code))
      if (path::filename(file->path()) != "report.json")
        files.push_back(file->path());
  llvm::sort(files);
  return files;
}

} // namespace

static Expected<Json> digestsOf(QuantizeRun &run, const MeasureRequest &request) {
  const QuantizeOptions &options = run.options;
  Digests digests;
  Error error = digests.add(options.model, "model");
  auto add = [&](StringRef file, StringRef role, StringRef alias = "") {
    if (!error)
      error = digests.add(file, role, alias);
  };
  for (const std::string &name : externalFilesOf(run.forms.original())) {
    SmallString<256> file(path::parent_path(options.model));
    path::append(file, name);
    add(file, "weights of the model");
  }
  add(options.calibration, "calibration", options.calibrationAlias);
  add(request.options.tokens, "tokens of the report", request.tokensAlias);
  for (const std::string &file : resultFiles(request.directory))
    add(file, "result");
  if (error)
    return std::move(error);
  return std::move(digests.list);
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

/// The float forms by the passes that made them, with the plan that the run was given.
static Error makeForms(QuantizeRun &run) {
  if (!run.forms.isEmpty())
    return Error::success();
  if (!run.original)
    return createStringError("expected the model as it was before the recipe, which errors are "
                             "measured against");
  std::vector<std::string> passes = run.report["passes"];
  passes.resize(std::min(passes.size(), run.report["float_passes"].get<size_t>()));
  for (std::string &pass : passes)
    pass = withoutAlias(pass, run.options);
  mlir::OwningOpRef<mlir::ModuleOp> module = run.original->clone();
  run.forms.clear();
  run.forms.keep(true);
  auto observer = [&](size_t, StringRef stage, mlir::ModuleOp current) {
    if (!run.options.plan.empty() && stage.starts_with("qllm-plan"))
      copyDecisions(*run.plan, current, /*plans=*/true);
    run.forms.observe(current);
  };
  if (failed(Pipeline(std::move(passes)).run(*module, observer)))
    return createStringError("the float model of the run cannot be made again");
  return Error::success();
}

Json api::versionsJson() {
  return {{"qllm", QLLM_VERSION},
          {"llvm", LLVM_VERSION_STRING},
          {"onnx_ir", onnx::newestIRVersion},
          {"onnx_opset", onnx::newestOpset}};
}

Error api::measureRun(QuantizeRun &run, mlir::ModuleOp result, MeasureRequest request,
                      RunListener *listener) {
  run.times.restart();
  if (Error error = makeForms(run))
    return error;
  if (!run.forms.original())
    return createStringError("expected linear layers to report on, but the run has made none");
  mlir::MLIRContext *context = result.getContext();
  request.options.threads = context->isMultithreadingEnabled() ? context->getNumThreads() : 1;
  Expected<report::Measurements> measured = report::measure(
      {run.forms.original(), run.forms.reference(), result}, request.options, listener);
  if (!measured)
    return measured.takeError();
  run.times.endStage("report");
  Expected<Json> files = digestsOf(run, request);
  if (!files)
    return files.takeError();
  run.report["run"] = {
      {"command", run.options.command},     {"versions", versionsJson()},
      {"threads", request.options.threads}, {"passes", passesJson(run.report["passes"])},
      {"parts", run.times.partsJson()},     {"stages", run.times.stagesJson()},
      {"files", std::move(*files)}};
  run.report["measurements"] = report::toJson(*measured);
  run.report["measurements"]["original_bytes"] = measureCoverage(run.forms.original()).totalBytes();
  return Error::success();
}
