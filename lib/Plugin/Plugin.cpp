// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Our dialects and passes for a stock mlir-opt: --load-dialect-plugin and --load-pass-plugin, both with this library.

#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "qllm/InitAll.h"
#include "qllm/Version.h"

extern "C" LLVM_ATTRIBUTE_WEAK mlir::DialectPluginLibraryInfo mlirGetDialectPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "qllm", QLLM_VERSION,
          [](mlir::DialectRegistry *registry) { qllm::registerAllDialects(*registry); }};
}

extern "C" LLVM_ATTRIBUTE_WEAK mlir::PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "qllm", QLLM_VERSION, [] {
            qllm::registerAllPasses();
            qllm::registerAllPipelines();
          }};
}
