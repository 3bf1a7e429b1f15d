// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The emulator as the interpreter's device: host code runs on the CPU as ever, and each kernel that
// it launches runs here, thread by thread.

#ifndef QLLM_EMULATOR_DEVICE_H
#define QLLM_EMULATOR_DEVICE_H

#include "qllm/Emulator/JIT.h"
#include "qllm/Interpreter/Interpreter.h"

namespace qllm::emu {

class EmulatedDevice : public interp::Device {
public:
  /// Compiles the gpu.module called `target`, such as sm_80, as `qllm-lower-to-nvvm` leaves it with
  /// format=emulator. Null after an error, which is a diagnostic.
  static std::unique_ptr<EmulatedDevice> create(mlir::ModuleOp module, llvm::StringRef target,
                                                uint32_t checks);

  /// Any finding of a check is a failure.
  llvm::LogicalResult launch(mlir::Operation *launch, interp::KernelContext &ctx) override;

  /// What ran until now.
  uint64_t launches() const { return count; }
  double cpuSeconds() const { return seconds; }

private:
  EmulatedDevice() = default;

  std::unique_ptr<KernelModule> kernels;
  std::string target;
  /// What all launches have in common.
  Launch defaults;
  uint64_t count = 0;
  double seconds = 0;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_DEVICE_H
