// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-opt with qllm's dialects and passes.

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/InitAll.h"
#include "llvm/Support/Path.h"
#ifdef QLLM_HAS_CHECK_DIALECT
#include "Check/CheckDialect.h"
#endif

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  qllm::registerAllDialects(registry);
#ifdef QLLM_HAS_CHECK_DIALECT
  registry.insert<qllm::check::CheckDialect>();
#endif
  qllm::registerAllPasses();
  qllm::registerAllPipelines();
  auto [input, output] = mlir::registerAndParseCLIOptions(argc, argv, "qllm optimizer", registry);
  // Weights lie beside the module.
  qllm::onnx::setDataDirectory(registry, llvm::sys::path::parent_path(input));
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, input, output, registry));
}
