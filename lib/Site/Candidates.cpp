// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One task a candidate; the least error wins, the first of equals.

#include "qllm/Site/Candidates.h"

#include "qllm/Site/SiteTask.h"
#include "qllm/Support/TaskRunner.h"

using namespace qllm;
using llvm::Error;

Error qllm::tryCandidates(SiteState &state, llvm::ArrayRef<NamedStep> steps, TaskRunner &runner) {
  std::vector<std::string> names, tasks;
  SiteTask task;
  for (const NamedStep &step : steps) {
    task.steps += (task.steps.empty() ? "" : ",") + step.text;
    names = step.step->candidates(state);
    if (names.size() > 1)
      break;
  }
  if (names.size() < 2)
    return Error::success();
  for (const std::string &name : names) {
    task.candidate = name;
    tasks.push_back(encodeTask(task));
  }
  llvm::Expected<std::vector<std::string>> results = runner.run(encodeInputs(state), tasks);
  if (!results)
    return results.takeError();
  std::optional<SiteDecisions> best;
  std::vector<std::pair<std::string, double>> scores;
  for (auto [name, bytes] : llvm::zip_equal(names, *results)) {
    llvm::Expected<SiteDecisions> decisions = decodeDecisions(bytes);
    if (!decisions)
      return decisions.takeError();
    if (decisions->transform != name || !decisions->clip || decisions->scores.empty())
      return llvm::createStringError("expected the score of candidate '" + name + "' at site '" +
                                     state.name + "', but the task told another result");
    scores.push_back(decisions->scores.back());
    if (!best || scores.back().second < best->scores.back().second)
      best = std::move(*decisions);
  }
  state.decisions.transform = best->transform;
  state.decisions.clip = best->clip;
  llvm::append_range(state.decisions.scores, scores);
  return Error::success();
}
