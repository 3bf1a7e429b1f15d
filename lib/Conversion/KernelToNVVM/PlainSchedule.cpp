// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the emitters of such kernels refuse.

#include "PlainSchedule.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

ScheduleAttr qllm::findPlainSchedule(Operation *op, Attribute schedules,
                                     const kernels::Target &target, bool producers) {
  ScheduleAttr schedule = scheduleOn(schedules, target.name);
  if (!schedule) {
    op->emitOpError() << "has no schedule for " << target.name;
    return {};
  }
  if (schedule.getProducers() != 0 && !producers) {
    op->emitOpError() << "expected producers = 0 for " << target.name << ", but got "
                      << schedule.getProducers() << " in " << schedule;
    return {};
  }
  return schedule;
}
