// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/API/SaveModel.h"

#include "qllm/API/ExportModel.h"
#include "qllm/API/OutputDirectory.h"
#include "qllm/Target/Module/ModuleFile.h"

using namespace qllm;
using namespace qllm::api;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error writeModule(mlir::ModuleOp module, StringRef file, StringRef name) {
  if (succeeded(saveModule(module, file)))
    return Error::success();
  return llvm::createStringError("cannot write the module to '" + name + "'");
}

Error api::saveModel(mlir::ModuleOp module, StringRef path) {
  if (path.ends_with(".mlir") || path.ends_with(".mlirbc"))
    return writeModule(module, path, path);
  Expected<OutputDirectory> directory = OutputDirectory::create(path);
  if (!directory)
    return directory.takeError();
  if (Error error = writeModule(module, directory->path("model.mlirbc"), path))
    return error;
  return directory->commit();
}

Error api::saveResult(mlir::ModuleOp module, QuantizeRun &run, StringRef name,
                      StringRef onnxWeights) {
  Expected<OutputDirectory> directory = OutputDirectory::create(name);
  if (!directory)
    return directory.takeError();
  if (Error error = directory->write("report.json", toText(run.report)))
    return error;
  std::vector<std::string> passes = run.report["passes"];
  if (Error error = directory->write("recipe.txt", recipeText(passes)))
    return error;
  std::string plan;
  if (run.plan)
    llvm::raw_string_ostream(plan) << *run.plan << "\n";
  if (Error error = directory->write("plan.mlir", plan))
    return error;
  if (!onnxWeights.empty())
    if (Error error = exportQuantized(module, directory->path("model.onnx"), onnxWeights))
      return error;
  if (Error error = writeModule(module, directory->path("model.mlirbc"), name))
    return error;
  if (Error error = directory->commit())
    return error;
  if (std::unique_ptr<JournalDirectory> journal = std::move(run.journal))
    if (Error error = journal->remove())
      emitWarning(mlir::UnknownLoc::get(module.getContext())) << llvm::toString(std::move(error));
  return Error::success();
}
