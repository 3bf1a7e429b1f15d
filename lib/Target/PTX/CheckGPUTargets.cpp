// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-check-gpu-targets: every operation against every target of the module.

#include "RequiredCapability.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
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
    FailureOr<SmallVector<const kernels::Target *>> targets = findTargets();
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
  FailureOr<SmallVector<const kernels::Target *>> findTargets();
  LogicalResult check(Operation *op, ArrayRef<const kernels::Target *> targets);
  LogicalResult checkCapability(Operation *op, kernels::Capability capability,
                                ArrayRef<const kernels::Target *> targets);
};

LogicalResult checkSharedSize(LLVM::GlobalOp op) {
  if (op.getAddrSpace() != unsigned(NVVM::NVVMMemorySpace::Shared))
    return success();
  int64_t bytes = DataLayout::closest(op).getTypeSize(op.getType()).getFixedValue();
  if (bytes <= kernels::staticSharedBytes)
    return success();
  return op.emitOpError() << "expected at most " << kernels::staticSharedBytes
                          << " bytes of shared memory of a fixed size, but got " << bytes
                          << "; an external array without a size takes what the launch gives";
}

LogicalResult checkTypes(Operation *op) {
  for (TypeRange types : {TypeRange(op->getOperandTypes()), TypeRange(op->getResultTypes())})
    for (Type type : types)
      if (!isSupportedType(type))
        return op->emitOpError() << "expected integers of 1, 8, 16, 32 or 64 bits, f16, bf16, f32, "
                                    "f64, pointers or aggregates of them, but got "
                                 << type;
  return success();
}

} // namespace

FailureOr<SmallVector<const kernels::Target *>> CheckGPUTargets::findTargets() {
  gpu::GPUModuleOp module = getOperation();
  SmallVector<const kernels::Target *> targets;
  for (Attribute attribute :
       module.getTargetsAttr() ? module.getTargetsAttr().getValue() : ArrayRef<Attribute>()) {
    auto target = dyn_cast<NVVM::NVVMTargetAttr>(attribute);
    const kernels::Target *known = target ? kernels::findTarget(target.getChip()) : nullptr;
    if (!known)
      return emitError(module.getLoc())
             << "expected targets out of " << kernels::listTargets() << ", but got " << attribute;
    targets.push_back(known);
  }
  if (targets.empty())
    return emitError(module.getLoc())
           << "expected targets out of " << kernels::listTargets() << ", but got none";
  return targets;
}

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
  if (failed(checkTypes(op)))
    return failure();
  if (auto global = dyn_cast<LLVM::GlobalOp>(op))
    return checkSharedSize(global);
  return success();
}
