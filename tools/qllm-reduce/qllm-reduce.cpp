// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mlir-reduce with qllm's dialects and a pass that cuts functions of models.

#include "mlir/IR/Dialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/InitAll.h"
#include "qllm/Reducer/Passes.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Path.h"
#include <cstdlib>
#ifdef QLLM_HAS_CHECK_DIALECT
#include "Check/CheckDialect.h"
#endif

/// The file that is reduced: the first argument that is neither an option nor the value of -o.
static llvm::StringRef inputOf(int argc, char **argv) {
  for (int i = 1; i < argc; ++i)
    if (llvm::StringRef(argv[i]) == "-o")
      ++i;
    else if (argv[i][0] != '-')
      return argv[i];
  return {};
}

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  qllm::registerAllDialects(registry);
#ifdef QLLM_HAS_CHECK_DIALECT
  registry.insert<qllm::check::CheckDialect>();
#endif
  qllm::registerReducerPasses();
  // Candidates are temporary files: they lie beside the input, where its weights are.
  llvm::SmallString<128> folder(llvm::sys::path::parent_path(inputOf(argc, argv)));
  if (!folder.empty())
    setenv("TMPDIR", folder.c_str(), /*overwrite=*/1);
  qllm::onnx::setDataDirectory(registry, folder);
  mlir::MLIRContext context(registry);
  return failed(mlir::mlirReduceMain(argc, argv, context));
}
