// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The bytes are read by MLIR's own parser: they come from the same process that runs them.

#include "LoadedModule.h"

#include "Leave.h"
#include "mlir/Bytecode/BytecodeReader.h"
#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Emulator/Architecture.h"
#include "qllm/Kernels/Target.h"
#include "qllm/Tools/Diagnostics.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::emu;

namespace {

/// Of the target that the kernels were compiled for.
std::string architectureOf(ModuleOp module) {
  for (auto kernels : module.getOps<gpu::GPUModuleOp>())
    if (ArrayAttr targets = kernels.getTargetsAttr())
      for (Attribute target : targets)
        if (auto nvvm = dyn_cast<NVVM::NVVMTargetAttr>(target))
          return nvvm.getChip().str();
  return "";
}

void registerDialects(DialectRegistry &registry) {
  registry.insert<DLTIDialect, gpu::GPUDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                  qk::KernelDialect>();
}

} // namespace

LoadedModule::LoadedModule(StringRef bytes, uint32_t checks) {
  if (!isBytecode(llvm::MemoryBufferRef(bytes, "kernels")))
    leave(Exit::BadInput, "expected a binary that qllm-embed-for-emulator has made, but got " +
                              std::to_string(bytes.size()) + " bytes of another kind");
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(&context,
                                  [](Diagnostic &diagnostic) { printDiagnostic(diagnostic); });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(bytes, &context);
  if (!module)
    leave(Exit::BadInput, "a binary of kernels cannot be read");
  architecture = architectureOf(*module);
  if (Launch launch; !setArchitecture(launch, architecture))
    leave(Exit::BadInput, "expected kernels for one of " + kernels::listTargets() + ", but got '" +
                              architecture + "'");
  kernels = KernelModule::compile(*module, checks != 0);
  if (!kernels)
    leave(Exit::BadInput, "a binary of kernels cannot be compiled for this machine");
}

const LoadedKernel *LoadedModule::find(StringRef name) {
  const Kernel *kernel = kernels->find(name);
  return kernel ? &handles.try_emplace(kernel, LoadedKernel{this, kernel}).first->second : nullptr;
}

std::string LoadedModule::kernelNames() const {
  std::string names;
  for (const Kernel &kernel : kernels->kernels())
    names += (names.empty() ? "'" : ", '") + kernel.name + "'";
  return names.empty() ? "none" : names;
}

void LoadedModule::setArchitectureOf(Launch &launch) const {
  (void)setArchitecture(launch, architecture);
}
