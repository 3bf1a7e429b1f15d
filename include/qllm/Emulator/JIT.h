// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels compiled for the emulator.

#ifndef QLLM_EMULATOR_JIT_H
#define QLLM_EMULATOR_JIT_H

#include "qllm/Emulator/Runtime/Report.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"
#include <memory>

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace qllm::emu {

/// What a kernel takes as one argument. Floats are those of IEEE 754, `BrainFloat` is bf16, `Bytes`
/// are an aggregate by value.
enum class ParameterKind { Pointer, Integer, Float, BrainFloat, Bytes, Other };

struct Parameter {
  ParameterKind kind;
  unsigned bits;
  /// Whether the kernel says that it does not write where this points at (`llvm.readonly`).
  bool isReadOnly = false;
};

/// A kernel that can be run. Owned by its module.
struct Kernel {
  std::string name;
  std::vector<Parameter> parameters;
  Program program;
};

/// All kernels of one gpu.module. May be used by several threads at once.
class KernelModule {
public:
  /// Compiles the gpu.module called `name`, or the only one if that is empty. It must be of the
  /// llvm and nvvm dialects, as before convert-nvvm-to-llvm; `module` stays as it is. Without
  /// `instrument`, no checks of single loads and stores are possible. Null after an error, which is
  /// a diagnostic.
  static std::unique_ptr<KernelModule> compile(mlir::ModuleOp module, bool instrument,
                                               llvm::StringRef name = "");
  ~KernelModule();

  const std::vector<Kernel> &kernels() const { return all; }
  const Kernel *find(llvm::StringRef name) const;

private:
  KernelModule();
  struct Code;
  std::unique_ptr<Code> code;
  std::vector<Kernel> all;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_JIT_H
