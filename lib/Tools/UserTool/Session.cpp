// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Context, diagnostics and loading.

#include "qllm/Tools/UserTool/Session.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "qllm/InitAll.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Target/ONNX/Import.h"
#include "qllm/Tools/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qllm::tool;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

std::unique_ptr<llvm::DefaultThreadPool> makePool(unsigned threads) {
  llvm::ThreadPoolStrategy strategy = llvm::hardware_concurrency(threads);
  // A lower number of cores than asked for is no reason for fewer threads: results do not depend on
  // it.
  strategy.Limit = threads != 0;
  return std::make_unique<llvm::DefaultThreadPool>(strategy);
}

} // namespace

Session::Session(unsigned threads) : log(llvm::errs()), pool(makePool(threads)) {
  this->threads = pool->getMaxConcurrency();
  // Recipe files name passes: ours and MLIR's general clean-ups.
  qllm::registerAllPasses();
  qllm::registerAllPipelines();
  mlir::registerTransformsPasses();
  DialectRegistry registry;
  qllm::registerAllDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  if (this->threads > 1)
    context->setThreadPool(*pool);
  context->printOpOnDiagnostic(
      false); // an operation may be the whole model; messages say what matters
  context->getDiagEngine().registerHandler([this](Diagnostic &diagnostic) { report(diagnostic); });
}

Session::~Session() = default;

void Session::report(Diagnostic &diagnostic) {
  std::string text = diagnosticPlace(diagnostic) + diagnosticMessage(diagnostic);
  for (Diagnostic &note : diagnostic.getNotes())
    text += "\nnote: " + diagnosticMessage(note);
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
  SmallString<256> file(name);
  if (fs::is_directory(file))
    path::append(file, "model.mlirbc");
  StringRef extension = path::extension(file);
  if (!fs::exists(file)) {
    log.error("expected a model at '" + name + "', but found no file '" + file + "'");
    return "";
  }
  if (!llvm::is_contained({".onnx", ".mlir", ".mlirbc"}, extension)) {
    log.error("expected a model in .onnx, .mlir or .mlirbc, or a directory, but got '" + name +
              "'");
    return "";
  }
  return file.str().str();
}

OwningOpRef<ModuleOp> Session::load(StringRef name) {
  std::string file = resolve(name);
  if (file.empty())
    return {};
  if (StringRef(file).ends_with(".onnx"))
    return onnx::importModel(file, context.get());
  llvm::SourceMgr sources;
  return loadModule(file, sources, context.get(), limits);
}
