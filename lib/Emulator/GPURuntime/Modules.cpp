// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR's runtime interface: binaries and their kernels.

#include "Device.h"
#include "Leave.h"

using namespace qllm::emu;

extern "C" {

void *mgpuModuleLoad(void *data, size_t size) {
  DeviceLock device;
  auto module = std::make_unique<LoadedModule>(
      llvm::StringRef(static_cast<const char *>(data), size), device->settings.defaults.checks);
  LoadedModule *handle = module.get();
  device->modules[handle] = std::move(module);
  return handle;
}

void *mgpuModuleLoadJIT(void * /*data*/, int /*level*/) {
  leave(Exit::BadInput,
        "expected a binary that qllm-embed-for-emulator has made, but got an object "
        "in assembly: PTX is for a driver");
}

void mgpuModuleUnload(void *module) {
  if (!DeviceLock()->modules.erase(static_cast<LoadedModule *>(module)))
    leave(Exit::BadInput, "expected a loaded module to unload");
}

void *mgpuModuleGetFunction(void *module, const char *name) {
  DeviceLock device;
  auto found = device->modules.find(static_cast<LoadedModule *>(module));
  if (found == device->modules.end())
    leave(Exit::BadInput,
          std::string("expected a loaded module to take kernel '") + name + "' from");
  const LoadedKernel *kernel = found->second->find(name);
  if (!kernel)
    leave(Exit::BadInput, std::string("the module has no kernel '") + name + "'; it has " +
                              found->second->kernelNames());
  return const_cast<LoadedKernel *>(kernel);
}

} // extern "C"
