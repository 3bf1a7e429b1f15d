// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks names up in the table of targets.

#include "qllm/Dialect/Kernel/IR/TargetNames.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qllm;

FailureOr<SmallVector<const kernels::Target *>> qk::parseTargets(Location loc,
                                                                 ArrayRef<std::string> names) {
  SmallVector<const kernels::Target *> found;
  for (const std::string &name : names) {
    const kernels::Target *target = kernels::findTarget(name);
    if (!target)
      return emitError(loc) << "expected targets out of " << kernels::listTargets() << ", but got '"
                            << name << "'";
    if (llvm::is_contained(found, target))
      return emitError(loc) << "expected each target once, but got " << name << " twice";
    found.push_back(target);
  }
  if (found.empty())
    return emitError(loc) << "expected targets out of " << kernels::listTargets()
                          << ", but got none";
  return found;
}
