// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with qllm's dialects and passes.

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/InitAll.h"
#include "qllm/Tools/ValidateOptions.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"
#ifdef QLLM_HAS_CHECK_DIALECT
#include "Check/CheckDialect.h"
#include "Validation/TestFoldScales.h"
#endif

/// What MlirOptMain does with a file, which it reads to an address that constants of a small
/// bytecode file cannot be used at.
static llvm::LogicalResult optimizeFile(llvm::StringRef input, llvm::StringRef output,
                                        mlir::DialectRegistry &registry,
                                        const mlir::MlirOptMainConfig &config) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> file = mlir::openInputFile(input, llvm::Align(64), &error);
  std::unique_ptr<llvm::ToolOutputFile> result;
  if (file)
    result = mlir::openOutputFile(output, &error);
  if (!result) {
    llvm::errs() << error << '\n';
    return llvm::failure();
  }
  if (llvm::failed(mlir::MlirOptMain(result->os(), std::move(file), registry, config)))
    return llvm::failure();
  result->keep();
  return llvm::success();
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  qllm::registerAllDialects(registry);
#ifdef QLLM_HAS_CHECK_DIALECT
  registry.insert<qllm::check::CheckDialect>();
  qllm::test::registerTestFoldScales();
#endif
  qllm::registerAllPasses();
  qllm::registerAllPipelines();
  qllm::registerValidateOptions();
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "qllm optimizer", registry);
  // Weights lie beside the module.
  qllm::onnx::setDataDirectory(registry, llvm::sys::path::parent_path(input));
  if (qllm::listClaims())
    return 0;
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  qllm::setupValidation(config);
  if (config.shouldShowDialects() || config.shouldListPasses())
    return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
  return mlir::asMainReturnCode(optimizeFile(input, output, registry, config));
}
