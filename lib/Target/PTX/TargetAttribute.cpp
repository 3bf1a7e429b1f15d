// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The chip decides which instructions there are, the PTX version which of them can be written: LLVM
// ends the process for either.

#include "TargetAttribute.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr StringRef triple = "nvptx64-nvidia-cuda";
/// The versions, times ten, that LLVM has a feature for; others it ignores with a warning.
constexpr unsigned ptxVersions[] = {70, 71, 72, 73, 74, 75, 76, 77, 78, 80,
                                    81, 82, 83, 84, 85, 86, 87, 88, 90};

/// The version of `+ptx84`; 0 for anything else, and for nothing, which is LLVM's choice.
unsigned versionOf(StringRef features) {
  unsigned version = 0;
  if (!features.consume_front("+ptx") || features.getAsInteger(10, version) ||
      !llvm::is_contained(ptxVersions, version))
    return 0;
  return version;
}

FailureOr<const kernels::Target *> findTarget(Location loc, Attribute attribute) {
  auto target = dyn_cast<NVVM::NVVMTargetAttr>(attribute);
  const kernels::Target *known = target ? kernels::findTarget(target.getChip()) : nullptr;
  if (!known)
    return emitError(loc) << "expected targets out of " << kernels::listTargets() << ", but got "
                          << attribute;
  if (target.getTriple() != triple)
    return emitError(loc) << "expected triple = \"" << triple << "\" for " << known->name
                          << ", but got \"" << target.getTriple() << "\"";
  if (target.getLink() && !target.getLink().empty())
    return emitError(loc) << "expected no files to link, which nobody checks, but got "
                          << target.getLink();
  if (versionOf(target.getFeatures()) < known->ptxVersion) {
    InFlightDiagnostic diagnostic =
        emitError(loc) << "expected features = \"+ptx" << known->ptxVersion
                       << "\" or one newer PTX version for " << known->name << ", but got ";
    if (target.getFeatures().empty())
      diagnostic << "none, which is the oldest version that LLVM knows for it";
    else
      diagnostic << "\"" << target.getFeatures() << "\"";
    return diagnostic;
  }
  return known;
}

} // namespace

FailureOr<SmallVector<const kernels::Target *>> qllm::findTargets(gpu::GPUModuleOp module) {
  SmallVector<const kernels::Target *> targets;
  for (Attribute attribute :
       module.getTargetsAttr() ? module.getTargetsAttr().getValue() : ArrayRef<Attribute>()) {
    FailureOr<const kernels::Target *> target = findTarget(module.getLoc(), attribute);
    if (failed(target))
      return failure();
    targets.push_back(*target);
  }
  if (targets.empty())
    return emitError(module.getLoc())
           << "expected targets out of " << kernels::listTargets() << ", but got none";
  return targets;
}
