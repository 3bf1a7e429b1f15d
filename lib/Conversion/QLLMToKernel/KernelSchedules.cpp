// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The cheapest candidate of each target, with the next one for comparison.

#include "KernelSchedules.h"

#include "mlir/IR/Builders.h"
#include "qllm/Kernels/ScheduleChoice.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::qk;

static ScheduleAttr toAttribute(MLIRContext *context, const kernels::Schedule &schedule) {
  return ScheduleAttr::get(context, {schedule.tileRows, schedule.tileColumns, schedule.tileDepth},
                           {schedule.warpRows, schedule.warpColumns}, schedule.stages,
                           /*cluster=*/1, schedule.producers, TileScheduler::DataParallel,
                           /*splits=*/1);
}

static kernels::Schedule &scheduleOf(kernels::LinearKernel &kernel) { return kernel.schedule; }
static kernels::Schedule &scheduleOf(kernels::WeightOnlyKernel &kernel) { return kernel.schedule; }
static kernels::Schedule &scheduleOf(kernels::BlockScaledKernel &kernel) {
  return kernel.codes.schedule;
}

template <typename Kernel>
static ChosenSchedules choose(MLIRContext *context, Kernel kernel, const SchedulePolicy &policy) {
  ChosenSchedules chosen;
  if (policy.forced) {
    scheduleOf(kernel) = policy.forced.getSchedule();
    FormatStatus status = kernel.verify();
    for (const kernels::Target *target : policy.targets)
      if (status)
        status = kernel.verifyOn(*target);
    chosen.explanation = status ? "forced" : status.message();
    chosen.schedules = status ? policy.forced : ScheduleAttr();
    return chosen;
  }
  Builder builder(context);
  SmallVector<NamedAttribute> byTarget;
  for (const kernels::Target *target : policy.targets) {
    kernels::ScheduleChoice choice = kernels::chooseSchedule(kernel, *target, policy.rows);
    std::string name(target->name);
    if (choice.candidates.empty())
      return {Attribute(), name + ": " + choice.refusal};
    byTarget.push_back(
        builder.getNamedAttr(name, toAttribute(context, choice.candidates.front().schedule)));
    chosen.explanation +=
        (chosen.explanation.empty() ? "" : "; ") + name + ": " + choice.candidates.front().str();
    if (choice.candidates.size() > 1)
      chosen.explanation += "; next best of " + std::to_string(choice.candidates.size()) + ": " +
                            choice.candidates[1].str();
  }
  chosen.schedules = byTarget.size() == 1 ? byTarget.front().getValue()
                                          : Attribute(builder.getDictionaryAttr(byTarget));
  return chosen;
}

ChosenSchedules qllm::chooseSchedules(MLIRContext *context, kernels::LinearKernel kernel,
                                      const SchedulePolicy &policy) {
  return choose(context, kernel, policy);
}

ChosenSchedules qllm::chooseSchedules(MLIRContext *context, kernels::WeightOnlyKernel kernel,
                                      const SchedulePolicy &policy) {
  return choose(context, kernel, policy);
}

ChosenSchedules qllm::chooseSchedules(MLIRContext *context, kernels::BlockScaledKernel kernel,
                                      const SchedulePolicy &policy) {
  return choose(context, kernel, policy);
}
