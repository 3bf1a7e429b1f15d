// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration and loading.

#include "qllm/API/Context.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "qllm/InitAll.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Target/ONNX/Import.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;
using namespace qllm;
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

/// The registry of passes belongs to the process, and contexts may be made in any thread.
void registerOnce() {
  [[maybe_unused]] static const bool done = [] {
    qllm::registerAllPasses();
    qllm::registerAllPipelines();
    mlir::registerTransformsPasses(); // recipe files name MLIR's general clean-ups, too
    return true;
  }();
}

} // namespace

api::Context::Context(unsigned threads) : pool(makePool(threads)) {
  registerOnce();
  DialectRegistry registry;
  qllm::registerAllDialects(registry);
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  if (pool->getMaxConcurrency() > 1)
    context->setThreadPool(*pool);
  // An operation may be the whole model; messages say what matters.
  context->printOpOnDiagnostic(false);
}

api::Context::~Context() = default;

llvm::Expected<std::string> api::resolveModel(StringRef name) {
  llvm::SmallString<256> file(name);
  if (fs::is_directory(file))
    path::append(file, "model.mlirbc");
  if (!fs::exists(file))
    return llvm::createStringError("expected a model at '" + name + "', but found no file '" +
                                   file + "'");
  if (!llvm::is_contained({".onnx", ".mlir", ".mlirbc"}, path::extension(file)))
    return llvm::createStringError(
        "expected a model in .onnx, .mlir or .mlirbc, or a directory, but got '" + name + "'");
  return file.str().str();
}

OwningOpRef<ModuleOp> api::loadModel(StringRef file, MLIRContext *context,
                                       const InputLimits &limits) {
  if (file.ends_with(".onnx"))
    return onnx::importModel(file, context);
  llvm::SourceMgr sources;
  return loadModule(file, sources, context, limits);
}
