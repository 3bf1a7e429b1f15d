// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// To and from ONNX, and running modules.

#include "mlir/IR/Dialect.h"
#include "qllm/InitAll.h"
#include "qllm/Tools/RunMode.h"
#include "qllm/Tools/TranslateMain.h"
#ifdef QLLM_HAS_CHECK_DIALECT
#include "Check/CheckDialect.h"
#endif

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  qllm::registerAllDialects(registry);
#ifdef QLLM_HAS_CHECK_DIALECT
  registry.insert<qllm::check::CheckDialect>();
#endif
  return qllm::translateMain(argc, argv, registry, {qllm::importOnnxMode(), qllm::exportOnnxMode(), qllm::runMode()});
}
