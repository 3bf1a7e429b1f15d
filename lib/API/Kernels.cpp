// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/API/Kernels.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm/API/Pipeline.h"

using namespace mlir;
using namespace qllm;

llvm::Error api::lowerToKernels(ModuleOp module, const KernelOptions &options) {
  if (options.targets.empty())
    return llvm::createStringError("expected a target for kernels, such as sm_90a");
  std::string text = options.pageKVCache ? "page-kv-cache," : "";
  llvm::raw_string_ostream(text)
      << "convert-qllm-to-kernel{targets=" << options.targets << " rows=" << options.rows
      << "},fold-kernel-weights,canonicalize,cse,qllm-lower-to-nvvm{targets=" << options.targets
      << " format=" << options.format << "}";
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  std::string message;
  llvm::raw_string_ostream os(message);
  if (failed(parsePassPipeline(text, passes, os)))
    return llvm::createStringError(StringRef(message).trim());
  if (failed(runStoppable(passes, module)))
    return llvm::createStringError("cannot make kernels of the model");
  if (module.getOps<gpu::BinaryOp>().empty() && module.getOps<gpu::GPUModuleOp>().empty())
    return llvm::createStringError(
        "no operation of the model has a kernel; 'convert-qllm-to-kernel{explain=true targets=" +
        options.targets + "}' says why");
  return llvm::Error::success();
}

void api::forEachBinary(ModuleOp module,
                        llvm::function_ref<void(StringRef target, StringRef code)> visit) {
  for (auto binary : module.getOps<gpu::BinaryOp>())
    for (Attribute attribute : binary.getObjects())
      if (auto object = dyn_cast<gpu::ObjectAttr>(attribute))
        visit(binary.getSymName(), object.getObject().getValue());
}
