// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/API/SaveModel.h"

#include "qllm/API/OutputDirectory.h"
#include "qllm/API/Pipeline.h"
#include "qllm/Target/Module/ModuleFile.h"

using namespace qllm;
using namespace qllm::api;
using llvm::Error;

static Error writeReport(const OutputDirectory &directory, const Json &report) {
  if (Error error = directory.write("report.json", toText(report)))
    return error;
  std::vector<std::string> passes = report["passes"];
  return directory.write("recipe.txt", recipeText(passes));
}

Error api::saveModel(mlir::ModuleOp module, llvm::StringRef path, const Json &report) {
  auto failure = [&] {
    return llvm::createStringError("cannot write the module to '" + path + "'");
  };
  if (path.ends_with(".mlir") || path.ends_with(".mlirbc"))
    return succeeded(saveModule(module, path)) ? Error::success() : failure();
  llvm::Expected<OutputDirectory> directory = OutputDirectory::create(path);
  if (!directory)
    return directory.takeError();
  if (!report.is_null())
    if (Error error = writeReport(*directory, report))
      return error;
  if (failed(saveModule(module, directory->path("model.mlirbc"))))
    return failure();
  return directory->commit();
}
