// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From NVVM to calls of the runtime: all patterns over the module once, then a look at what is
// left.

#include "MatrixRegisters.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "qllm/Emulator/Lowering/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_QLLMLOWERNVVMTOHOST
#include "qllm/Emulator/Lowering/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// Whether the host's LLVM can take the operation.
LogicalResult checkKnown(Operation *op) {
  bool text = llvm::isa<LLVM::InlineAsmOp, LLVM::CallIntrinsicOp>(op);
  if (llvm::isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect()) && !text)
    return success();
  return op->emitOpError("is not known to the emulator, which takes the llvm and nvvm dialects");
}

struct QllmLowerNVVMToHost : qllm::impl::QllmLowerNVVMToHostBase<QllmLowerNVVMToHost> {
  void runOnOperation() override {
    gpu::GPUModuleOp module = getOperation();
    emu::HostLowering host(module);
    if (failed(emu::checkLocalMemory(module)) || failed(emu::convertFunctions(module)) ||
        failed(emu::convertSharedGlobals(module, host)))
      return signalPassFailure();
    emu::prepareMatrixRegisters(module, host);

    RewritePatternSet patterns(&getContext());
    emu::populateRegisterPatterns(patterns, host);
    emu::populateCollectivePatterns(patterns, host);
    emu::populateWarpgroupPatterns(patterns, host);
    emu::populateTensorMemoryPatterns(patterns, host);
    emu::populateBarrierPatterns(patterns, host);
    emu::populateClusterPatterns(patterns, host);
    emu::populateMemoryBarrierPatterns(patterns, host);
    emu::populateCopyPatterns(patterns, host);
    emu::populateArithmeticPatterns(patterns, host);
    emu::populateDivisionPatterns(patterns, host);
    emu::populateInlinePtxPatterns(patterns, host);
    // A pattern that cannot handle an operation says why; that stands for the error about what is
    // left.
    bool reported = false;
    {
      ScopedDiagnosticHandler handler(&getContext(), [&](Diagnostic &diagnostic) {
        reported |= diagnostic.getSeverity() == DiagnosticSeverity::Error;
        return failure(); // on to the next handler
      });
      walkAndApplyPatterns(module, std::move(patterns));
    }
    WalkResult left = module.walk([&](Operation *op) {
      return op == module || reported || succeeded(checkKnown(op)) ? WalkResult::advance()
                                                                   : WalkResult::interrupt();
    });
    if (reported || left.wasInterrupted())
      return signalPassFailure();
    host.sites.commit();
  }
};

} // namespace
