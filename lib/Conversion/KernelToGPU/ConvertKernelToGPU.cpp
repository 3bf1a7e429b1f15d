// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// convert-kernel-to-gpu: finds the functions of launches and the kernels of the target.

#include "HostFunction.h"
#include "qllm/Conversion/KernelToGPU/Passes.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/Kernel/IR/TargetNames.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace qllm {
#define GEN_PASS_DEF_CONVERTKERNELTOGPU
#include "qllm/Conversion/KernelToGPU/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct ConvertKernelToGPU : qllm::impl::ConvertKernelToGPUBase<ConvertKernelToGPU> {
  using ConvertKernelToGPUBase::ConvertKernelToGPUBase;

  void runOnOperation() override;

private:
  LogicalResult verifyKernels(ArrayRef<func::FuncOp> functions);
  void markKernels();
};

SmallVector<func::FuncOp> functionsWithLaunches(ModuleOp module) {
  SmallVector<func::FuncOp> found;
  for (auto function : module.getOps<func::FuncOp>())
    if (function.walk([](qk::LaunchOp) { return WalkResult::interrupt(); }).wasInterrupted())
      found.push_back(function);
  return found;
}

/// The kernels that a launch may run.
SmallVector<StringRef> kernelsOf(qk::LaunchOp launch) {
  SmallVector<StringRef> names = {launch.getKernel()};
  for (qk::SpecializationAttr part : launch.getSpecializationList())
    names.push_back(part.getKernel());
  return names;
}

/// Pointers, maps in their place, sizes.
size_t argumentsOf(qk::LaunchOp launch) {
  size_t inPlace = launch.getInPlace().value_or(ArrayRef<int64_t>()).size() / 2;
  return launch.getInputs().size() + launch.getNumResults() - inPlace +
         launch.getSizes().size() / 2;
}

LogicalResult verifyLaunch(qk::LaunchOp launch, gpu::GPUModuleOp kernels) {
  for (StringRef name : kernelsOf(launch)) {
    auto function = kernels.lookupSymbol<LLVM::LLVMFuncOp>(name);
    if (!function)
      return launch.emitOpError() << "expected a kernel '" << name << "' of the llvm dialect in '"
                                  << kernels.getName() << "'";
    if (size_t found = function.getNumArguments(), wanted = argumentsOf(launch); found != wanted)
      return launch.emitOpError() << "expected a kernel '" << name << "' of " << wanted
                                  << " arguments, but got one of " << found;
  }
  return success();
}

} // namespace

LogicalResult ConvertKernelToGPU::verifyKernels(ArrayRef<func::FuncOp> functions) {
  Operation *found = SymbolTable::lookupSymbolIn(getOperation(), target);
  if (!isa_and_nonnull<gpu::GPUModuleOp, gpu::BinaryOp>(found))
    return getOperation().emitError()
           << "expected kernels in a gpu.module or gpu.binary '" << target << "'";
  auto kernels = dyn_cast<gpu::GPUModuleOp>(found);
  for (func::FuncOp function : functions) {
    if (failed(verifyHostFunction(function)))
      return failure();
    if (!kernels) // a binary says nothing of what is in it
      continue;
    for (auto launch : function.getOps<qk::LaunchOp>())
      if (failed(verifyLaunch(launch, kernels)))
        return failure();
  }
  return success();
}

/// A function that gpu.launch_func names needs an attribute of that dialect.
void ConvertKernelToGPU::markKernels() {
  auto kernels = dyn_cast<gpu::GPUModuleOp>(SymbolTable::lookupSymbolIn(getOperation(), target));
  if (!kernels)
    return;
  for (auto function : kernels.getOps<LLVM::LLVMFuncOp>())
    if (function->hasAttr("nvvm.kernel"))
      function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), UnitAttr::get(&getContext()));
}

void ConvertKernelToGPU::runOnOperation() {
  SmallVector<func::FuncOp> functions = functionsWithLaunches(getOperation());
  if (failed(qk::parseTargets(getOperation().getLoc(), {target})))
    return signalPassFailure();
  if (functions.empty())
    return;
  if (failed(verifyKernels(functions)))
    return signalPassFailure();
  HostCodeCounts counts;
  for (func::FuncOp function : functions)
    if (failed(convertHostFunction(function, target, counts)))
      return signalPassFailure();
  markKernels();
  getOperation()->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                          UnitAttr::get(&getContext()));
  numLaunches += counts.launches;
  numCopies += counts.copies;
}
