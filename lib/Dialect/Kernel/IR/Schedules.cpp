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

namespace {

/// A schedule or a list of them.
SmallVector<ScheduleAttr> listOf(Attribute schedules) {
  if (auto list = dyn_cast<ArrayAttr>(schedules))
    return llvm::map_to_vector(list, [](Attribute entry) { return dyn_cast<ScheduleAttr>(entry); });
  return {dyn_cast<ScheduleAttr>(schedules)};
}

SmallVector<int64_t> rowsOf(ArrayRef<ScheduleAttr> list) {
  return llvm::map_to_vector(list, [](ScheduleAttr schedule) { return schedule.getMaxRows(); });
}

/// Of one target.
LogicalResult verifyList(Operation *op, Attribute schedules,
                         function_ref<LogicalResult(ScheduleAttr)> verify) {
  SmallVector<ScheduleAttr> list = listOf(schedules);
  if (list.empty() || llvm::is_contained(list, ScheduleAttr()))
    return op->emitOpError() << "expected a schedule or a list of them, but got " << schedules;
  SmallVector<int64_t> rows = rowsOf(list);
  if (rows.back() != 0)
    return op->emitOpError() << "expected a schedule without max_rows at the end, for any number "
                                "of rows, but got one for "
                             << rows.back();
  rows.pop_back();
  int64_t before = 0;
  for (int64_t most : rows) {
    if (most <= before)
      return op->emitOpError() << "expected schedules by ascending max_rows, but got " << most
                               << " after " << before;
    before = most;
  }
  for (ScheduleAttr schedule : list)
    if (failed(verify(schedule)))
      return failure();
  return success();
}

} // namespace

ScheduleAttr qk::scheduleOn(Attribute schedules, StringRef target) {
  if (auto byTarget = dyn_cast<DictionaryAttr>(schedules))
    schedules = byTarget.get(target);
  return schedules ? listOf(schedules).back() : ScheduleAttr();
}

SmallVector<RowSchedules> qk::schedulesByRows(Attribute schedules) {
  SmallVector<RowSchedules> parts;
  auto byTarget = dyn_cast<DictionaryAttr>(schedules);
  SmallVector<ScheduleAttr> first = listOf(byTarget ? byTarget.begin()->getValue() : schedules);
  for (auto [index, schedule] : llvm::enumerate(first)) {
    if (!byTarget) {
      parts.push_back({schedule.getMaxRows(), schedule.upTo(0)});
      continue;
    }
    SmallVector<NamedAttribute> entries;
    for (NamedAttribute entry : byTarget)
      entries.emplace_back(entry.getName(), listOf(entry.getValue())[index].upTo(0));
    parts.push_back({schedule.getMaxRows(), DictionaryAttr::get(schedules.getContext(), entries)});
  }
  return parts;
}

LogicalResult qk::verifySchedules(Operation *op, Attribute schedules,
                                  function_ref<LogicalResult(ScheduleAttr)> verify) {
  auto byTarget = dyn_cast<DictionaryAttr>(schedules);
  if (!byTarget)
    return verifyList(op, schedules, verify);
  std::optional<SmallVector<int64_t>> rows;
  auto verifyEntry = [&](Attribute entry) -> LogicalResult {
    if (failed(verifyList(op, entry, verify)))
      return failure();
    SmallVector<int64_t> found = rowsOf(listOf(entry));
    if (rows && *rows != found)
      return op->emitOpError() << "expected schedules for the same numbers of rows on each target, "
                                  "but got "
                               << schedules;
    rows = found;
    return success();
  };
  return verifyByTarget<Attribute>(op, byTarget, "a schedule", verifyEntry);
}
