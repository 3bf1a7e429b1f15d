// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-check-gpu-targets: every operation against every target of the module.

#include "AllowedForms.h"
#include "RequiredCapability.h"
#include "TargetAttribute.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "qllm/Target/PTX/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_CHECKGPUTARGETS
#include "qllm/Target/PTX/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct CheckGPUTargets : qllm::impl::CheckGPUTargetsBase<CheckGPUTargets> {
  using CheckGPUTargetsBase::CheckGPUTargetsBase;

  void runOnOperation() override {
    FailureOr<SmallVector<const kernels::Target *>> targets = findTargets(getOperation());
    if (failed(targets))
      return signalPassFailure();
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (op == getOperation())
        return WalkResult::advance();
      return failed(check(op, *targets)) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  LogicalResult check(Operation *op, ArrayRef<const kernels::Target *> targets);
  LogicalResult checkCapability(Operation *op, kernels::Capability capability,
                                ArrayRef<const kernels::Target *> targets);
};

} // namespace

LogicalResult CheckGPUTargets::checkCapability(Operation *op, kernels::Capability capability,
                                               ArrayRef<const kernels::Target *> targets) {
  for (const kernels::Target *target : targets) {
    if (target->isNative(capability))
      continue;
    const kernels::CapabilityInfo &info = kernels::describe(capability);
    bool emulated = target->has(capability) == kernels::Support::Emulated;
    InFlightDiagnostic diagnostic =
        op->emitOpError() << "needs " << info.name << " (" << info.instruction << "), which "
                          << target->name << (emulated ? " only emulates" : " does not have");
    diagnostic.attachNote() << "it is there on " << kernels::listTargets(capability)
                            << "; elsewhere: " << info.instead;
    return diagnostic;
  }
  return success();
}

LogicalResult CheckGPUTargets::check(Operation *op, ArrayRef<const kernels::Target *> targets) {
  Requirement requirement = requirementOf(op);
  if (requirement.kind == Requirement::Unknown)
    return op->emitOpError() << "is not in the list of operations whose needs are known, so it "
                                "cannot be checked for "
                             << targets.front()->name;
  if (requirement.kind == Requirement::OneCapability &&
      failed(checkCapability(op, requirement.capability, targets)))
    return failure();
  if (op->hasAttr(NVVM::NVVMDialect::getClusterDimAttrName()) &&
      failed(checkCapability(op, kernels::Capability::Cluster, targets)))
    return failure();
  return verifyForm(op);
}
