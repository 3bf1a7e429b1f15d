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
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qllm;

static std::string binaryFormat(LowerTo format) {
  return format == LowerTo::PTX ? "isa" : format == LowerTo::Cubin ? "bin" : "fatbin";
}

/// In the order of `LowerTo`.
static constexpr StringRef formats[] = {"kernels", "emulator", "nvvm", "ptx", "cubin", "fatbin"};

bool FormatParser::parse(llvm::cl::Option &option, StringRef name, StringRef text, LowerTo &value) {
  if (!llvm::is_contained(formats, text))
    return option.error("expected a format out of " +
                        llvm::join(ArrayRef<StringRef>(formats), ", ") + ", but got '" + text +
                        "'");
  return parser::parse(option, name, text, value);
}

void FormatParser::print(llvm::raw_ostream &os, const LowerTo &format) {
  os << formats[unsigned(format)];
}

void qllm::buildLowerToNVVM(OpPassManager &manager, const LowerToNVVMOptions &options) {
  if (options.format == LowerTo::Cubin || options.format == LowerTo::Fatbin) {
    FindToolkitOptions find;
    find.toolkit = options.toolkit;
    find.tools = {"ptxas"};
    if (options.format == LowerTo::Fatbin)
      find.tools.push_back("fatbinary");
    manager.addPass(createFindToolkit(find));
  }
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
