// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Places and messages of diagnostics.

#include "qllm/Tools/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Location.h"
#include "qllm/Support/PrintableStream.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

std::string qllm::diagnosticPlace(Diagnostic &diagnostic) {
  auto file = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>();
  if (!file)
    return "";
  std::string place = file.getFilename().getValue().str() + ":";
  if (file.getLine() != 0)
    place += std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn()) + ":";
  return place + " ";
}

std::string qllm::diagnosticMessage(Diagnostic &diagnostic) {
  std::string text = diagnostic.str();
  auto name = diagnostic.getLocation()->findInstanceOf<NameLoc>();
  // Verifiers do not know names of nodes; the importer's own messages have them already.
  if (!name || StringRef(text).contains(name.getName().getValue()))
    return text;
  return "'" + name.getName().getValue().str() + "': " + text;
}

std::string qllm::diagnosticText(Diagnostic &diagnostic) {
  std::string text = diagnosticPlace(diagnostic) + diagnosticMessage(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    text += "\nnote: " + diagnosticMessage(note);
  return text;
}

void qllm::printDiagnostic(Diagnostic &diagnostic) {
  constexpr const char *severities[] = {"note", "warning", "error", "remark"};
  PrintableStream(llvm::errs()) << diagnosticPlace(diagnostic) << severities[static_cast<unsigned>(diagnostic.getSeverity())] << ": "
               << diagnosticMessage(diagnostic) << '\n';
  for (Diagnostic &note : diagnostic.getNotes())
    printDiagnostic(note);
}
