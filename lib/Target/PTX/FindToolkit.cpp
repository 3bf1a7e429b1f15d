// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-find-toolkit: one line, and soon, where MLIR would say the same after all kernels are
// compiled, with the module beside it.

#include "qllm/Target/PTX/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Target/LLVM/NVVM/Utils.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

namespace qllm {
#define GEN_PASS_DEF_FINDTOOLKIT
#include "qllm/Target/PTX/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

bool isIn(StringRef toolkit, StringRef tool) {
  SmallString<128> path(toolkit);
  llvm::sys::path::append(path, "bin", tool);
  return !toolkit.empty() && llvm::sys::fs::can_execute(path);
}

struct FindToolkit : qllm::impl::FindToolkitBase<FindToolkit> {
  using FindToolkitBase::FindToolkitBase;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    for (StringRef tool : *tools) {
      if (isIn(toolkit, tool) || isIn(NVVM::getCUDAToolkitPath(), tool) ||
          llvm::sys::findProgramByName(tool))
        continue;
      // Not at the operation, whose printed form would be the whole module.
      emitError(getOperation().getLoc())
          << "expected " << tool << ", which makes binaries, "
          << (toolkit.empty() ? "on the path or in bin of the folder that toolkit= names"
                              : "in bin of '" + toolkit + "' or on the path")
          << ", but found none; docs/getting-started.md says where to get it, and format=ptx needs "
             "no program";
      return signalPassFailure();
    }
  }
};

} // namespace
