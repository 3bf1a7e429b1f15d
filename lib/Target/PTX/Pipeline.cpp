// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-lower-to-nvvm: the order of the passes, each of which can be run and printed alone.

#include "qllm/Target/PTX/Passes.h"

#include "mlir/Conversion/ConvertToLLVM/ToLLVMPass.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Dialect/GPU/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "qllm/Conversion/KernelToNVVM/Passes.h"

using namespace mlir;
using namespace qllm;

static std::string binaryFormat(LowerTo format) {
  return format == LowerTo::PTX ? "isa" : format == LowerTo::Cubin ? "bin" : "fatbin";
}

void qllm::buildLowerToNVVM(OpPassManager &manager, const LowerToNVVMOptions &options) {
  ConvertKernelToNVVMOptions conversion;
  conversion.targets.assign(options.targets.begin(), options.targets.end());
  manager.addPass(createConvertKernelToNVVM(conversion));
  OpPassManager &kernels = manager.nest<gpu::GPUModuleOp>();
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  kernels.addPass(createCheckGPUTargets());
  if (options.format == LowerTo::Kernels)
    return;
  kernels.addPass(createSCFToControlFlowPass());
  // Operations of nvvm stay: the emulator runs them as they are.
  ConvertToLLVMPassOptions toLLVM;
  toLLVM.filterDialects = {"arith", "cf"};
  kernels.addPass(createConvertToLLVMPass(toLLVM));
  kernels.addPass(createReconcileUnrealizedCastsPass());
  kernels.addPass(createCanonicalizerPass());
  kernels.addPass(createCSEPass());
  if (options.format == LowerTo::Emulator)
    return;
  kernels.addPass(createExpandKernelInstructions());
  kernels.addPass(createConvertNVVMToLLVMPass());
  if (options.format == LowerTo::NVVM)
    return;
  GpuModuleToBinaryPassOptions binary;
  binary.compilationTarget = binaryFormat(options.format);
  binary.toolkitPath = options.toolkit;
  manager.addPass(createGpuModuleToBinaryPass(binary));
}

void qllm::registerPTXPipelines() {
  PassPipelineRegistration<LowerToNVVMOptions>(
      "qllm-lower-to-nvvm",
      "emit the kernels of a module for GPU targets, checked, as NVVM, PTX or binaries",
      buildLowerToNVVM);
}
