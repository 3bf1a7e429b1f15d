// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A binary of host code: kernels as MLIR's bytecode, compiled when it is loaded.

#ifndef QLLM_LIB_EMULATOR_GPURUNTIME_LOADEDMODULE_H
#define QLLM_LIB_EMULATOR_GPURUNTIME_LOADEDMODULE_H

#include "qllm/Emulator/JIT.h"
#include <map>

namespace qllm::emu {

class LoadedModule;

/// A kernel as host code knows it.
struct LoadedKernel {
  const LoadedModule *module;
  const Kernel *kernel;
};

class LoadedModule {
public:
  /// What `qllm-embed-for-emulator` has embedded. Ends the process after a message if it is
  /// something else.
  LoadedModule(llvm::StringRef bytes, uint32_t checks);

  /// The same handle each time; null if there is no such kernel.
  const LoadedKernel *find(llvm::StringRef name);
  /// `'sum', 'product'`, for messages.
  std::string kernelNames() const;
  /// With the architecture of the module's target.
  void setArchitectureOf(Launch &launch) const;

private:
  std::unique_ptr<KernelModule> kernels;
  std::string architecture;
  std::map<const Kernel *, LoadedKernel> handles;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_GPURUNTIME_LOADEDMODULE_H
