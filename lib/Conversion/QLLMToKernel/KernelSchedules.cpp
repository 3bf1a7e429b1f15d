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
                           schedule.cluster, schedule.producers,
                           schedule.isStreamed() ? TileScheduler::StreamK
                                                 : TileScheduler::DataParallel,
                           schedule.blocks, /*max_rows=*/0);
}

static kernels::Schedule &scheduleOf(kernels::LinearKernel &kernel) { return kernel.schedule; }
static kernels::Schedule &scheduleOf(kernels::WeightOnlyKernel &kernel) { return kernel.schedule; }
static kernels::Schedule &scheduleOf(kernels::BlockScaledKernel &kernel) {
  return kernel.codes.schedule;
}

/// The best candidate, the next, and the best of the other kind where there are producers.
static std::string explain(const kernels::ScheduleChoice &choice) {
  const kernels::ScheduleCost &best = choice.candidates.front();
  std::string text = best.str();
  if (choice.candidates.size() > 1)
    text += "; next best of " + std::to_string(choice.candidates.size()) + ": " +
            choice.candidates[1].str();
  bool streamed = best.schedule.isStreamed();
  if (const kernels::ScheduleCost *other = choice.best(!streamed)) {
    const kernels::ScheduleCost &whole = streamed ? *other : best;
    text += streamed ? "; without stream_k: " : "; best with stream_k: ";
    text += other->str() + ", as there are " + std::to_string(whole.blocks) + " tiles for " +
            std::to_string(best.multiprocessors) + " multiprocessors";
  }
  bool produced = best.schedule.producers != 0;
  for (const kernels::ScheduleCost &other : choice.candidates)
    if ((other.schedule.producers != 0) != produced)
      return text + (produced ? "; best without a producer: " : "; best with a producer: ") +
             other.str();
  if (!produced && !choice.producerRefusal.empty())
    text += "; no producer: " + choice.producerRefusal;
  return text;
}

/// The attribute for lists of schedules by target, one for each number of rows and one for more.
/// Numbers of rows for which every target has the schedule of the next one are left out.
static Attribute combine(MLIRContext *context, ArrayRef<SmallVector<ScheduleAttr>> lists,
                         const SchedulePolicy &policy) {
  Builder builder(context);
  SmallVector<SmallVector<Attribute>> kept(lists.size());
  for (size_t i = 0, count = lists.front().size(); i != count; ++i) {
    bool isLast = i + 1 == count;
    if (!isLast && llvm::all_of(lists, [&](auto &list) { return list[i] == list[i + 1]; }))
      continue;
    for (auto [list, entries] : llvm::zip_equal(lists, kept))
      entries.push_back(list[i].upTo(isLast ? 0 : policy.rows[i]));
  }
  SmallVector<NamedAttribute> byTarget;
  for (auto [entries, target] : llvm::zip_equal(kept, policy.targets))
    byTarget.push_back(builder.getNamedAttr(
        target->name, entries.size() == 1 ? entries.front() : builder.getArrayAttr(entries)));
  return byTarget.size() == 1 ? byTarget.front().getValue()
                              : Attribute(builder.getDictionaryAttr(byTarget));
}

/// What is forced, by stream-K up to the largest number of rows asked for and without it beyond:
/// who counts arrivals must know how many tiles there are.
static Attribute boundStream(ScheduleAttr forced, const SchedulePolicy &policy) {
  if (!forced.isStreamed())
    return forced;
  int64_t most = forced.getMaxRows() ? forced.getMaxRows() : policy.rows.back();
  return Builder(forced.getContext())
      .getArrayAttr({forced.upTo(most), forced.dataParallel().upTo(0)});
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
    chosen.schedules = status ? boundStream(policy.forced, policy) : Attribute();
    return chosen;
  }
  // One list for each target, by rows.
  SmallVector<SmallVector<ScheduleAttr>> lists;
  for (const kernels::Target *target : policy.targets) {
    std::string name(target->name);
    SmallVector<ScheduleAttr> &list = lists.emplace_back();
    ScheduleAttr forMore;
    for (int64_t rows : policy.rows) {
      kernels::ScheduleChoice choice = kernels::chooseSchedule(kernel, *target, rows);
      if (choice.candidates.empty())
        return {Attribute(), name + ": " + choice.refusal};
      list.push_back(toAttribute(context, choice.candidates.front().schedule));
      chosen.cycles.push_back(choice.candidates.front().cycles);
      forMore = toAttribute(context, choice.best(/*streamed=*/false)->schedule);
      chosen.explanation +=
          (chosen.explanation.empty() ? "" : "; ") + name + ": " +
          (policy.rows.size() > 1 ? "for " + std::to_string(rows) + " rows " : "") +
          explain(choice);
    }
    list.push_back(forMore);
  }
  chosen.schedules = combine(context, lists, policy);
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
