// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels as the binaries of the emulator. The emulator compiles from operations, not from code of
// a machine, so what is embedded is the module itself.

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "qllm/Emulator/Lowering/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_QLLMEMBEDFOREMULATOR
#include "qllm/Emulator/Lowering/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct QllmEmbedForEmulator : qllm::impl::QllmEmbedForEmulatorBase<QllmEmbedForEmulator> {
  void runOnOperation() override;
};

LogicalResult verifyKernels(gpu::GPUModuleOp kernels) {
  if (!kernels.getTargetsAttr() || kernels.getTargetsAttr().empty())
    return kernels.emitError() << "expected a target, such as [#nvvm.target<chip = \"sm_80\">]";
  for (auto function : kernels.getOps<FunctionOpInterface>())
    if (!isa<LLVM::LLVMFuncOp>(function))
      return function.emitError() << "expected a function of the llvm dialect to embed, but got '"
                                  << function->getName() << "'; lower the kernels first";
  return success();
}

/// A module with nothing but these kernels, for one target.
FailureOr<std::string> serialize(gpu::GPUModuleOp kernels, Attribute target) {
  OwningOpRef<ModuleOp> module = ModuleOp::create(kernels.getLoc());
  auto copy = cast<gpu::GPUModuleOp>(kernels->clone());
  copy.setTargetsAttr(ArrayAttr::get(kernels.getContext(), target));
  module->push_back(copy);
  std::string bytes;
  llvm::raw_string_ostream os(bytes);
  if (failed(writeBytecodeToFile(*module, os)))
    return failure();
  return bytes;
}

LogicalResult embed(gpu::GPUModuleOp kernels) {
  if (failed(verifyKernels(kernels)))
    return failure();
  OpBuilder builder(kernels);
  SmallVector<Attribute> objects;
  for (Attribute target : kernels.getTargetsAttr()) {
    FailureOr<std::string> bytes = serialize(kernels, target);
    if (failed(bytes))
      return kernels.emitError() << "cannot be written as bytecode";
    objects.push_back(gpu::ObjectAttr::get(target, gpu::CompilationTarget::Binary,
                                           builder.getStringAttr(*bytes)));
  }
  gpu::BinaryOp::create(builder, kernels.getLoc(), kernels.getName(),
                        kernels.getOffloadingHandlerAttr(), objects);
  kernels.erase();
  return success();
}

} // namespace

void QllmEmbedForEmulator::runOnOperation() {
  for (auto kernels : llvm::make_early_inc_range(getOperation().getOps<gpu::GPUModuleOp>()))
    if (failed(embed(kernels)))
      return signalPassFailure();
}
