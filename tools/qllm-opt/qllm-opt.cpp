// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with qllm's dialects and passes, and with a guard before its parser.

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/InitAll.h"
#include "qllm/Support/LargeStack.h"
#include "qllm/Support/MappingFaults.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "qllm/Tools/Guard.h"
#include "qllm/Tools/ValidateOptions.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/ToolOutputFile.h"
#include <unistd.h>
#ifdef QLLM_HAS_CHECK_DIALECT
#include "Check/CheckDialect.h"
#include "Validation/TestFoldScales.h"
#endif

using namespace qllm;

namespace {

struct Options {
  LimitOptions limits;
  llvm::cl::opt<uint64_t> maxOutput{"max-output", llvm::cl::desc("bytes of output"),
                                    llvm::cl::init(uint64_t(1) << 32),
                                    llvm::cl::cat(limits.category)};
};

llvm::LogicalResult refuse(const llvm::Twine &message) {
  llvm::errs() << message << '\n';
  return llvm::failure();
}

/// What MlirOptMain does with a file, which it reads unchecked and to an address that constants of
/// a small bytecode file cannot be used at.
llvm::LogicalResult optimizeFile(llvm::StringRef input, llvm::StringRef output,
                                 mlir::DialectRegistry &registry,
                                 const mlir::MlirOptMainConfig &config, const Options &options,
                                 PrintableErrors &errors) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> file = mlir::openInputFile(input, llvm::Align(64), &message);
  if (!file)
    return refuse(message);
  if (llvm::Error error =
          checkModuleBuffer(*file, options.limits.limits(), registry, config.inputSplitMarker()))
    return refuse(llvm::toString(std::move(error)));
  std::unique_ptr<llvm::ToolOutputFile> result = mlir::openOutputFile(output, &message);
  if (!result)
    return refuse(message);
  BoundedStream bounded(
      result->os(), options.maxOutput, [&] { errors.drain(); },
      [&] {
        (void)refuse("error: expected at most " + llvm::Twine(options.maxOutput) +
                     " bytes of output (--max-output), but got more");
        if (output != "-")
          llvm::sys::fs::remove(output);
        _exit(1);
      });
  if (llvm::failed(mlir::MlirOptMain(bounded, std::move(file), registry, config)))
    return llvm::failure();
  result->keep();
  return llvm::success();
}

} // namespace

int main(int argc, char **argv) {
  PrintableErrors errors;
  installMappingFaults();
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
  Options options;
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "qllm optimizer", registry);
  // Weights lie beside the module.
  qllm::onnx::setDataDirectory(registry, llvm::sys::path::parent_path(input));
  if (qllm::listClaims())
    return 0;
  auto config = mlir::MlirOptMainConfig::createFromCLOptions();
  qllm::setupValidation(config);
  if (config.shouldShowDialects() || config.shouldListPasses())
    return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
  return runOnLargeStack([&, &input = input, &output = output] {
    return mlir::asMainReturnCode(optimizeFile(input, output, registry, config, options, errors));
  });
}
