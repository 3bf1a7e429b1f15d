// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Diagnostics to the log, and loading.

#include "qllm/Tools/UserTool/Session.h"

#include "qllm/Tools/Diagnostics.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::tool;

Session::Session(unsigned threads) : log(llvm::errs()), context(threads) {
  getContext().getDiagEngine().registerHandler(
      [this](Diagnostic &diagnostic) { report(diagnostic); });
}

void Session::report(Diagnostic &diagnostic) {
  std::string text = diagnosticText(diagnostic);
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    return log.error(text);
  case DiagnosticSeverity::Warning:
    return log.warning(text);
  default:
    return log.info(diagnostic.str());
  }
}

std::string Session::resolve(StringRef name) {
  llvm::Expected<std::string> file = api::resolveModel(name);
  if (file)
    return *file;
  log.error(llvm::toString(file.takeError()));
  return "";
}

OwningOpRef<ModuleOp> Session::load(StringRef name) {
  std::string file = resolve(name);
  return file.empty() ? OwningOpRef<ModuleOp>() : api::loadModel(file, &getContext(), limits);
}
