// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A schedule attribute is a schedule, or a dictionary of them.

#include "Schedules.h"

#include "mlir/IR/Operation.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

ScheduleAttr qk::scheduleOn(Attribute schedules, StringRef target) {
  if (auto byTarget = dyn_cast<DictionaryAttr>(schedules))
    return byTarget.getAs<ScheduleAttr>(target);
  return cast<ScheduleAttr>(schedules);
}

LogicalResult qk::verifySchedules(Operation *op, Attribute schedules,
                                  function_ref<LogicalResult(ScheduleAttr)> verify) {
  if (auto byTarget = dyn_cast<DictionaryAttr>(schedules))
    return verifyByTarget<ScheduleAttr>(op, byTarget, "a schedule", verify);
  return verify(cast<ScheduleAttr>(schedules));
}
