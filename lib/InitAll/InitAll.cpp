// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The one place that knows every dialect, pass and pipeline.

#include "qllm/InitAll.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "qllm/Conversion/KernelToGPU/Passes.h"
#include "qllm/Conversion/KernelToNVVM/Passes.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Conversion/QLLMToKernel/Passes.h"
#include "qllm/Conversion/QLLMToONNX/Passes.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Dialect/QLLM/Transforms/Passes.h"
#include "qllm/Emulator/Lowering/Passes.h"
#include "qllm/Recipes/Recipe.h"
#include "qllm/Target/PTX/Passes.h"
#include "qllm/Transforms/Channels/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Reassembly/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "qllm/Transforms/Sites/Passes.h"

void qllm::registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::func::FuncDialect, onnx::ONNXDialect, QLLMDialect, qk::KernelDialect>();
  registerPTXTarget(registry);
}

void qllm::registerAllPasses() {
  registerChannelsPasses();
  registerDialectTransformsPasses();
  registerEmulatorLoweringPasses();
  registerKernelToGPUPasses();
  registerKernelToNVVMPasses();
  registerONNXToQLLMPasses();
  registerPTXPasses();
  registerQLLMToKernelPasses();
  registerQLLMToONNXPasses();
  registerRaisePasses();
  registerReassemblyPasses();
  registerRoundingPasses();
  registerSitesPasses();
}

void qllm::registerAllPipelines() {
  registerPTXPipelines();
  registerRaisePipelines();
  registerRecipePipelines();
}
