// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a quantized model to GPU kernels, and the binaries that a module holds.

#ifndef QLLM_API_KERNELS_H
#define QLLM_API_KERNELS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace qllm::api {

struct KernelOptions {
  /// Architectures separated by commas: "sm_80,sm_90a".
  std::string targets;
  /// kernels, emulator, nvvm, ptx, cubin or fatbin.
  std::string format = "ptx";
  /// Tokens that schedules are chosen for.
  int64_t rows = 16;
  /// Gives a decoder paged caches of quantized keys and values.
  bool pageKVCache = false;
};

/// Rewrites `module` in place; after a failure it is of no use. Fails where no operation of the
/// model has a kernel. Details of a failure are emitted as diagnostics.
llvm::Error lowerToKernels(mlir::ModuleOp module, const KernelOptions &options);

/// Calls `visit` with the target and the code of each binary of a module.
void forEachBinary(mlir::ModuleOp module,
                   llvm::function_ref<void(llvm::StringRef target, llvm::StringRef code)> visit);

} // namespace qllm::api

#endif // QLLM_API_KERNELS_H
